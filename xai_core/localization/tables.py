"""Scores as tidy tables, and what many pictures tell together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from xai_core.localization.scoring import STOCHASTIC, Scores
from xai_core.localization.summary import differences_of, means

COLUMNS = {
    **dict.fromkeys(("image", "image_hash", "method", "class", "measure"), "str"),
    **dict.fromkeys(("value", "size", "cut"), "float64"),
}
RUNS = {"image": "str", "image_hash": "str", "method": "str", "run": "int64", "value": "float64"}


def rows_of(
    head: Mapping[str, Any], scores: Scores, measures: Sequence[str]
) -> list[dict[str, Any]]:
    """One row for each measure.

    Args:
        head: image, image_hash, method, class, size (the share of the crop that the objects
            fill) and cut (the share of their area that the crop cuts off).
        scores: of one map.
        measures: in the order of the scores.
    """
    return [
        {**head, "measure": name, "value": value}
        for name, value in zip(measures, scores.values.tolist(), strict=True)
    ]


def run_rows(head: Mapping[str, Any], scores: Scores) -> list[dict[str, Any]]:
    """One row for each run of the stochastic pointing game, counted from 1; none without it."""
    return [
        {**head, "run": run, "value": value} for run, value in enumerate(scores.runs.tolist(), 1)
    ]


def as_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of ``rows_of``, in the order of ``COLUMNS``."""
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def as_runs(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows of ``run_rows``, in the order of ``RUNS``."""
    return pd.DataFrame(rows, columns=list(RUNS)).astype(RUNS)


def means_with_runs(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """``summary.means``, and how far the runs of the stochastic pointing game spread.

    Args:
        table: of ``as_table``.
        runs: of ``as_runs``.

    Returns:
        A further column, sd_runs: the standard deviation over runs of the mean over pictures;
        NaN for other measures, and for a single run.
    """
    found = means(table)
    spread = runs.groupby(["method", "run"])["value"].mean().groupby("method").std()
    told = found["method"].map(spread).astype(float)
    return found.assign(sd_runs=told.where(found["measure"] == STOCHASTIC, np.nan))


def all_differences(table: pd.DataFrame) -> pd.DataFrame:
    """``summary.differences`` of every two methods, baselines among them."""
    return differences_of(table, list(combinations(table["method"].unique(), 2)))
