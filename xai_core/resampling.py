"""Intervals by the bootstrap over pictures (Efron and Tibshirani 1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REPLICATES = 2000
LEVEL = 0.95
_AT_ONCE = 2**22  # drawn numbers in memory


def mean_interval(
    values: NDArray[np.float64], seed: int = 0, replicates: int = REPLICATES, level: float = LEVEL
) -> tuple[float, float, float]:
    """The mean with its percentile interval over independently drawn pictures.

    Args:
        values: one score a picture, all defined.
        seed: of the draws.
        replicates: how many samples are drawn, each with replacement.
        level: of the interval.

    Returns:
        Mean, low and high; all NaN without a value, and no interval for fewer than two.
    """
    if not len(values):
        return (float("nan"),) * 3
    if len(values) < 2:
        return float(values.mean()), float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    step = max(1, _AT_ONCE // len(values))
    means = np.concatenate(
        [
            values[
                generator.integers(0, len(values), (min(step, replicates - done), len(values)))
            ].mean(1)
            for done in range(0, replicates, step)
        ]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)
