"""Intervals by the bootstrap over pictures (Efron and Tibshirani 1993)."""

from __future__ import annotations

from collections.abc import Sequence

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
    return bootstrap_intervals([values], seed, replicates)[0]


def bootstrap_intervals(
    series: Sequence[Floats], seed: int = 0, replicates: int = REPLICATES
) -> list[tuple[float, float]]:
    """``bootstrap_interval`` of each series; those of one length share what is drawn.

    Args:
        series: of values, as there.
        seed: likewise.
        replicates: likewise.

    Raises:
        MethodError: likewise.
    """
    if replicates < 1:
        raise MethodError(f"There must be at least 1 replicate, not {replicates}.")
    found = [(float("nan"), float("nan"))] * len(series)
    alike: dict[int, list[int]] = {}
    for place, values in enumerate(series):
        alike.setdefault(len(values), []).append(place)
    for count, places in alike.items():
        if count >= 2:
            means = _resampled([series[place] for place in places], seed, replicates)
            ends = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=1)
            for place, (low, high) in zip(places, ends.T.tolist(), strict=True):
                found[place] = (low, high)
    return found


def _resampled(series: Sequence[Floats], seed: int, replicates: int) -> Floats:
    """Means of pictures drawn anew, [S, replicates], of S series of one length."""
    count = len(series[0])
    generator = np.random.default_rng(seed)
    found = np.empty((len(series), replicates))
    step = max(1, AT_ONCE // count)
    for start in range(0, replicates, step):
        drawn = generator.integers(count, size=(min(step, replicates - start), count))
        for own, values in zip(found, series, strict=True):
            own[start : start + step] = values[drawn].mean(1)
    return found
