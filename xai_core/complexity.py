"""How much less orderly one heatmap is than another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xai_core.heatmaps import Floats
from xai_core.measure_registry import Needs, measure
from xai_core.similarity import pair_by_pair

BINS = 100
# A map whose values differ by less, relative to the largest, is constant: they come from float32.
ROUNDING = 1e-6


@measure(
    title="Rise of complexity",
    needs=Needs.TWO_MAPS,
    higher_is_better=True,
    low=-1.0,
    citation="Hedström et al. 2024, arXiv:2401.06465",
    shows="How much the entropy of the map's histogram (100 bins) rises, as a share of the trained "
    "network's: a map that explains something learnt should become less orderly, and no "
    "similarity to noise is involved.",
)
@pair_by_pair
def complexity(a: Floats, b: Floats, signed: bool) -> float:
    """From the first map to the second; undefined where the first is constant."""
    before = entropy(a)
    return (entropy(b) - before) / before if before > 0 else float("nan")


def entropy(values: NDArray[np.floating]) -> float:
    """Entropy, in nats, of the histogram of a map in 100 equal bins from minimum to maximum."""
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0
    counts, _ = np.histogram(values, BINS)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())
