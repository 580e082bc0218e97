"""The files that tell what was found over many pictures: tables, and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING

import pandas as pd

from xai_core.apem.comparisons import (
    irrelevance,
    pairwise,
    rivals,
    stage_pairs,
    unexpected,
)
from xai_core.apem.scores import TITLES
from xai_core.apem.summary import correlations, summary
from xai_core.files import csv_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart

FORMS = ("png", "svg", "pdf")


def findings(table: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its name.

    Args:
        table: as from ``summary.as_table``.
        titles: what people read of each method.

    Returns:
        apem.csv, the table itself; one .csv for each of ``tables``; each of
        ``charts.reliability_charts`` as .png, .svg and .pdf.
    """
    from xai_core.charts import reliability_charts

    found = tables(table)
    files: dict[str, Callable[[], bytes]] = {"apem.csv": lambda: csv_bytes(table)}
    for name, make in found.items():
        files[f"{name}.csv"] = partial(_csv, make)
    for name, draw in reliability_charts(table, found, titles, TITLES).items():
        drawn = cache(draw)
        for form in FORMS:
            files[f"{name}.{form}"] = partial(_chart, drawn, form)
    return files


def tables(table: pd.DataFrame) -> dict[str, Callable[[], pd.DataFrame]]:
    """What makes each table that follows from the first, by its name; each is made once."""
    faces = cache(lambda: rivals(table))
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        "summary": lambda: summary(table),
        "pairwise": lambda: pairwise(table),
        "stages": lambda: stage_pairs(table),
        "unexpected": lambda: unexpected(faces()),
        "irrelevance": lambda: irrelevance(faces()),
        "correlations": lambda: correlations(table),
    }
    return {name: cache(make) for name, make in makers.items()}


def _csv(make: Callable[[], pd.DataFrame]) -> bytes:
    return csv_bytes(make())


def _chart(draw: Callable[[], Chart], form: str) -> bytes:
    from xai_core.charts import chart_bytes

    return chart_bytes(draw(), form)
