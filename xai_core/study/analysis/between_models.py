"""Models against each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import binomtest, t

from xai_core.study.analysis.intervals import LEVEL
from xai_core.study.analysis.resampling import REPLICATES, crossed, redrawn
from xai_core.study.analysis.shares import centred
from xai_core.study.analysis.votes import Booleans, Votes

NOTHING = "Nothing to test: the two never differ."
NO_SPREAD = "The answers do not vary, so that there is no measure of chance."
TOO_FEW = "Two participants and two pictures are the least that a test needs."


def paired_tests(found: Booleans, models: Sequence[str]) -> pd.DataFrame:
    """Is one model's map called accurate on more pictures than another's?

    The exact form of McNemar's test (McNemar 1947, "Note on the sampling error of the difference
    between correlated proportions", Psychometrika 12): of the pictures on which exactly one of
    the two maps is accurate, half should favour each. The p values are two-sided; Holm's method
    (1979, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6) keeps the chance of any false finding among all pairs below 5 %.

    The test samples pictures and takes the participants as given: it says whether these
    participants would prefer one model on other pictures too, not whether other participants
    would. ``share_differences`` says that.

    Args:
        found: which maps are accurate [images, models].
        models: their names.

    Returns:
        A row for each pair: model, other, only_model and only_other (pictures on which only that
        map is accurate), p, p_holm (both missing without such a picture), note.
    """
    rows = []
    for a, b in combinations(range(len(models)), 2):
        first = int((found[:, a] & ~found[:, b]).sum())
        second = int((found[:, b] & ~found[:, a]).sum())
        p = binomtest(first, first + second).pvalue if first + second else math.nan
        rows.append(
            (models[a], models[b], first, second, float(p), "" if first + second else NOTHING)
        )
    columns = ["model", "other", "only_model", "only_other", "p", "note"]
    return _holm(pd.DataFrame(rows, columns=columns).astype({"p": float}))


def share_differences(votes: Votes, seed: int = 0, replicates: int = REPLICATES) -> pd.DataFrame:
    """How many more of all answers went to one model than to another.

    With participants and pictures sampled (``resampling``): it says whether other participants
    would prefer the model on other pictures.

    Args:
        votes: the votes.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        A row for each pair: model, other, difference (of shares), low, high (95 % interval), p
        (two-sided, Student's t), p_holm, note.
    """
    pairs = list(combinations(range(len(votes.models)), 2))
    columns = ["model", "other", "difference", "low", "high", "p", "note"]
    people, _, choices = votes.chosen.shape
    total = votes.counts.sum()
    contrast = np.zeros((choices, len(pairs)))
    for number, (a, b) in enumerate(pairs):
        contrast[a, number], contrast[b, number] = 1.0, -1.0
    difference = variance = df = np.full(len(pairs), math.nan)
    if total:
        shares = votes.counts.sum(0) / total
        difference = shares @ contrast
        replicated = (centred(redrawn(votes, replicates, seed), shares) @ contrast) / total
        spread = crossed(centred(votes.counts, shares) @ contrast / total, replicated, people)
        variance, df = spread.variance, spread.df
    rows = [
        (votes.models[a], votes.models[b], *_tested(*map(float, found)))
        for (a, b), *found in zip(pairs, difference, variance, df, strict=True)
    ]
    return _holm(pd.DataFrame(rows, columns=columns).astype({"p": float}))


def _tested(
    difference: float, variance: float, df: float
) -> tuple[float, float, float, float, str]:
    """Difference, both ends, p, note."""
    if math.isnan(variance):
        return difference, math.nan, math.nan, math.nan, TOO_FEW
    if variance <= 0:
        return difference, math.nan, math.nan, math.nan, NO_SPREAD
    error, freedom = math.sqrt(variance), max(df, 1.0)
    half = error * float(t.ppf((1 + LEVEL) / 2, freedom))
    p = 2 * float(t.sf(abs(difference) / error, freedom))
    return difference, max(-1.0, difference - half), min(1.0, difference + half), p, ""


def _holm(table: pd.DataFrame) -> pd.DataFrame:
    """The table with p values for all its pairs together, before its last column."""
    known = table.p.dropna().sort_values()
    # Of k tests the smallest p counts k times, the next k - 1 times, and none less than before.
    # (statsmodels' multipletests collects garbage at each call, a tenth of a second long.)
    times = np.arange(len(known), 0, -1)
    table.insert(len(table.columns) - 1, "p_holm", (known * times).cummax().clip(upper=1.0))
    return table
