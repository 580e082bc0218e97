"""Scores as tables that are read."""

from __future__ import annotations

from math import nan

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.text import DASH, number
from xai_core.localization.columns import localized_title
from xai_core.localization.pooling import POOLED, Pooled
from xai_core.localization.scoring import STOCHASTIC
from xai_core.localization.tables import means_with_runs
from xai_core.measures import MEASURES

METHOD = 180  # pixels: the longest name of a baseline


def draw(rows: pd.DataFrame, words: str) -> None:
    """A table whose methods stay in sight; ``words`` are heard."""
    pinned = {"Method": st.column_config.Column(width=METHOD, pinned=True)}
    alt_text.table(rows, words, height="content", column_config=pinned)


def title(measure: str) -> str:
    """What people read of a measure, with an arrow to what is better."""
    row = MEASURES[measure]
    arrow = {True: " ↑", False: " ↓", None: ""}[row.higher_is_better]
    return f"{row.title}{arrow}"


def mean_said(mean: float, low: float, high: float) -> str:
    """A mean with its interval, if it has one."""
    return number(mean) if low != low else f"{number(mean)} [{number(low)}, {number(high)}]"


def of_one(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """A line a method, a column a measure; the stochastic game with the spread of its runs."""
    spread = runs.groupby("method")["value"].std()
    rows = []
    for method, own in table.groupby("method", sort=False):
        row = {"Method": localized_title(str(method))}
        for one in own.to_dict("records"):
            said = number(one["value"])
            if one["measure"] == STOCHASTIC and said != DASH:
                said += f" ± {spread[method]:.2f}"
            row[title(one["measure"])] = said
        rows.append(row)
    return pd.DataFrame(rows)


def of_many(table: pd.DataFrame, runs: pd.DataFrame, pooled: Pooled) -> pd.DataFrame:
    """The same of means over pictures, with 95 % intervals; and PxAP pooled over all pixels."""
    together = pooled.table().set_index("method")["pxap_pooled"]
    rows = []
    for method, own in means_with_runs(table, runs).groupby("method", sort=False):
        row: dict[str, object] = {"Method": localized_title(str(method))}
        for one in own.to_dict("records"):
            row[title(one["measure"])] = mean_said(one["mean"], one["low"], one["high"])
        row[f"{POOLED} ↑"] = number(together.get(method, nan))
        row["Pictures"] = int((own.pictures + own.undefined).max())
        row["Scores missing"] = int(own.undefined.max())
        rows.append(row)
    return pd.DataFrame(rows)
