"""The files that tell whether maps are where the objects are: tables, and a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import pandas as pd

from xai_core.files import csv_bytes
from xai_core.localization.pooling import Pooled
from xai_core.localization.summary import means_by_size
from xai_core.localization.tables import all_differences, means_with_runs

FORMS = ("png", "svg", "pdf")


def findings(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    pooled: Pooled,
    left_out: pd.DataFrame,
    titles: Mapping[str, str],
) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its name.

    Args:
        table: of ``tables.as_table``.
        runs: of ``tables.as_runs``.
        pooled: what all pictures make together.
        left_out: of ``gathering.LeftOut.table``.
        titles: what people read of each method and baseline.

    Returns:
        localization.csv, the table itself; runs.csv; means.csv, pooled.csv, by_size.csv,
        differences.csv and left_out.csv; and localization as .png, .svg and .pdf.
    """
    means = cache(partial(means_with_runs, table, runs))
    files: dict[str, Callable[[], bytes]] = {
        "localization.csv": lambda: csv_bytes(table),
        "runs.csv": lambda: csv_bytes(runs),
        "means.csv": lambda: csv_bytes(means()),
        "pooled.csv": lambda: csv_bytes(pooled.table()),
        "by_size.csv": lambda: csv_bytes(means_by_size(table)),
        "differences.csv": lambda: csv_bytes(all_differences(table)),
        "left_out.csv": lambda: csv_bytes(left_out),
    }
    for form in FORMS:
        files[f"localization.{form}"] = partial(_chart, means, titles, form)
    return files


def _chart(means: Callable[[], pd.DataFrame], titles: Mapping[str, str], form: str) -> bytes:
    from xai_core.charts import chart_bytes, localization_chart
    from xai_core.measure_registry import MEASURES

    measures = {name: MEASURES[name] for name in dict.fromkeys(means()["measure"])}
    return chart_bytes(localization_chart(means(), titles, measures), form)
