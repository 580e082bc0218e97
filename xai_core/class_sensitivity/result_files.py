"""The files that tell how alike the maps of classes are: tables, and a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd

from xai_core.class_sensitivity.published import PUBLISHED
from xai_core.class_sensitivity.summary import averages
from xai_core.files import csv_bytes
from xai_core.measures import MEASURES

FORMS = ("png", "svg", "pdf")


def findings(table: pd.DataFrame, titles: Mapping[str, str]) -> dict[str, Callable[[], bytes]]:
    """What makes each file, by its name.

    Args:
        table: of ``as_table``.
        titles: what people read of each method.

    Returns:
        class_sensitivity.csv, the table itself; averages.csv with the published readings; and
        class_sensitivity as .png, .svg and .pdf.
    """
    files: dict[str, Callable[[], bytes]] = {
        "class_sensitivity.csv": lambda: csv_bytes(table),
        "averages.csv": lambda: csv_bytes(_beside_published(table)),
    }
    for form in FORMS:
        files[f"class_sensitivity.{form}"] = partial(_chart, table, titles, form)
    return files


def _beside_published(table: pd.DataFrame) -> pd.DataFrame:
    found = averages(table)
    published = found.method.map(PUBLISHED).fillna("")
    return found.assign(**{"Nuzzo 2020, SSIM": published.where(found.measure == "ssim", "")})


def _chart(table: pd.DataFrame, titles: Mapping[str, str], form: str) -> bytes:
    from xai_core.charts import chart_bytes, class_chart

    shown = averages(table[table["show"] == "all"])
    measures = {name: MEASURES[name].title for name in dict.fromkeys(shown.measure)}
    return chart_bytes(class_chart(shown, titles, measures), form)
