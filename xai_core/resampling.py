"""Intervals by the bootstrap over pictures (Efron and Tibshirani 1993)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from xai_core.errors import MethodError

Floats = NDArray[np.float64]
REPLICATES = 2000
CONFIDENCE = 0.95
AT_ONCE = 1_000_000  # pictures that are drawn together


def bootstrap_interval(
    values: Floats, seed: int = 0, replicates: int = REPLICATES
) -> tuple[float, float]:
    """A 95 % interval of the mean: percentiles of the means of pictures drawn anew.

    Args:
        values: one a picture, all defined.
        seed: of the draws.
        replicates: how often they are drawn.

    Returns:
        Its ends; NaN for fewer than two pictures.

    Raises:
        MethodError: fewer than one replicate.
    """
    if replicates < 1:
        raise MethodError(f"There must be at least 1 replicate, not {replicates}.")
    count = len(values)
    if count < 2:
        return float("nan"), float("nan")
    generator = np.random.default_rng(seed)
    found = np.empty(replicates)
    step = max(1, AT_ONCE // count)
    for start in range(0, replicates, step):
        part = found[start : start + step]
        part[:] = values[generator.integers(count, size=(len(part), count))].mean(1)
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)
