"""Intervals of shares.

Wilson (1927), "Probable inference, the law of succession, and statistical inference", Journal of
the American Statistical Association 22, and the normal approximation, with which T prints its
figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from statsmodels.stats.proportion import proportion_confint

from xai_core.errors import StudyError

INTERVALS = MappingProxyType(
    {"wilson": "Wilson", "normal": "normal approximation", "bootstrap": "crossed bootstrap"}
)
LEVEL = 0.95
NONE = (math.nan, math.nan)


def of_count(count: int, total: int, method: str = "wilson") -> tuple[float, float]:
    """Both ends of a share's 95 % interval, for independent cases.

    Args:
        count: cases that count.
        total: all cases.
        method: "wilson" or "normal", which is cut off at 0 and 1.

    Returns:
        Two shares, 0 to 1; NaN without cases.

    Raises:
        StudyError: for another method.
    """
    if method not in ("wilson", "normal"):
        raise StudyError(f"There is no interval “{method}” of a count.")
    if not total:
        return NONE
    low, high = proportion_confint(count, total, alpha=1 - LEVEL, method=method)
    return float(low), float(high)


def share_columns(
    counts: NDArray[Any],
    total: int,
    of: str = "answers",
    method: str = "wilson",
    ends: Sequence[tuple[float, float]] | None = None,
) -> dict[str, Any]:
    """The columns of a table of shares: count, their total, share, low, high.

    Args:
        counts: cases that count [shares].
        total: all cases; without any the shares are NaN.
        of: name of the total's column.
        method: of ``of_count``; "bootstrap" is "wilson" where it has given no ends.
        ends: of each interval, where they are not those of ``of_count``.
    """
    method = "wilson" if method == "bootstrap" else method
    ends = ends or [of_count(int(count), total, method) for count in counts]
    return {
        "count": counts.astype(int),
        of: total,
        "share": counts / total if total else np.full(len(counts), np.nan),
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
    }


def of_variance(share: float, variance: float, df: float, fewest: float) -> tuple[float, float]:
    """Both ends of a share's 95 % interval, for cases that depend on each other.

    Wilson's interval for the number of independent cases that would vary as much,
    ``share (1 - share) / variance``, with Student's quantile for a variance that is itself
    estimated (Korn and Graubard 1998, "Confidence intervals for proportions with small expected
    number of positive counts estimated from survey data", Survey Methodology 24; Franco, Little,
    Louis and Slud 2019, "Comparative study of confidence intervals for proportions in complex
    sample surveys", Journal of Survey Statistics and Methodology 7).

    Args:
        share: 0 to 1.
        variance: of the share.
        df: degrees of freedom of the variance.
        fewest: the number of cases where the variance says nothing, because all are equal.

    Returns:
        Two shares, 0 to 1; NaN without cases.
    """
    if not fewest or math.isnan(share):
        return NONE
    spread = share * (1 - share)
    if spread <= 0 or not variance > 0:
        return _wilson(share, fewest, float(norm.ppf((1 + LEVEL) / 2)))
    return _wilson(share, spread / variance, float(t.ppf((1 + LEVEL) / 2, max(df, 1.0))))


def _wilson(share: float, cases: float, quantile: float) -> tuple[float, float]:
    square = quantile**2 / cases
    centre = share + square / 2
    half = math.sqrt(square * (share * (1 - share) + square / 4))
    low, high = (centre - half) / (1 + square), (centre + half) / (1 + square)
    return max(0.0, low), min(1.0, high)
