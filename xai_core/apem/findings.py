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
from xai_core.apem.summary import correlations, summary
from xai_core.files import csv_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart

FORMS = ("png", "svg", "pdf")
TABLES: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "summary": summary,
    "pairwise": pairwise,
    "stages": stage_pairs,
    "unexpected": lambda table: unexpected(rivals(table)),
    "irrelevance": lambda table: irrelevance(rivals(table)),
    "correlations": correlations,
}


def findings(table: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its name.

    Args:
        table: as from ``summary.as_table``.
        titles: what people read of each method.

    Returns:
        apem.csv, the table itself; one .csv for each of ``TABLES``; each of
        ``charts.reliability_charts`` as .png, .svg and .pdf.
    """
    from xai_core.charts import reliability_charts

    found = {name: cache(partial(make, table)) for name, make in TABLES.items()}
    files: dict[str, Callable[[], bytes]] = {"apem.csv": lambda: csv_bytes(table)}
    for name, make in found.items():
        files[f"{name}.csv"] = partial(_csv, make)
    for name, draw in reliability_charts(table, found, titles).items():
        drawn = cache(draw)
        for form in FORMS:
            files[f"{name}.{form}"] = partial(_chart, drawn, form)
    return files


def _csv(make: Callable[[], pd.DataFrame]) -> bytes:
    return csv_bytes(make())


def _chart(draw: Callable[[], Chart], form: str) -> bytes:
    from xai_core.charts import chart_bytes

    return chart_bytes(draw(), form)
