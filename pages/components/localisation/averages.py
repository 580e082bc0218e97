"""What many pictures tell together: means with intervals, by size, and differences."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components import alt_text
from pages.components.localisation import tables
from pages.components.localisation.set_scores import Found
from pages.components.plots import COLOURS, intervals, laid_out
from pages.components.text import DASH, number
from xai_core.localization.columns import is_baseline, localized_title
from xai_core.localization.pooling import SAID
from xai_core.localization.summary import LARGE_FROM, MEDIUM_FROM, means_by_size
from xai_core.localization.tables import all_differences, means_with_runs
from xai_core.measures import MEASURES

ROW, REST = 26, 90  # pixels of a method's bar, and around all bars
SIZES = {
    "small": f"Small, below {MEDIUM_FROM:.0%}",
    "medium": "Medium",
    "large": f"Large, from {LARGE_FROM:.0%}",
}


def show_all(found: Found) -> None:
    """Every method by every measure."""
    st.markdown("**Means over pictures, with 95 % intervals**")
    tables.draw(tables.of_many(found.table, found.runs, found.pooled), "Means by method")
    st.caption(SAID)


def show(found: Found, measure: str, whole: bool) -> None:
    """Every method by one measure.

    Args:
        found: the scores.
        measure: its id.
        whole: whether all is there; differences wait for that, because they take long.
    """
    own = found.table[found.table.measure == measure]
    st.plotly_chart(_bars(means_with_runs(own, found.runs), measure), key="localisation-bars")
    st.markdown("**By the size of the object**")
    st.caption(
        "The object's size is the share of what the model sees. Behind each mean, in round "
        "brackets, is the number of its pictures."
    )
    tables.draw(_sizes(own), "Means by size of the object")
    if not whole:
        return
    st.markdown("**Differences between two methods, picture by picture**")
    alt_text.table(_differences(own), "Paired differences", height=300)


def _bars(means: pd.DataFrame, measure: str) -> go.Figure:
    """A bar a method, baselines in grey, the best on top."""
    lower = MEASURES[measure].higher_is_better is False
    shown = means.sort_values("mean", ascending=not lower, na_position="first")
    baseline = shown.method.map(is_baseline)
    figure = go.Figure(
        go.Bar(
            y=shown.method.map(localized_title).tolist(),
            x=shown["mean"].tolist(),
            orientation="h",
            error_x=intervals(shown),
            marker={"color": ["#999999" if grey else COLOURS[0] for grey in baseline]},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    axis = {"title": tables.title(measure)}
    return laid_out(figure, ROW * len(shown) + REST, xaxis=axis)


def _sizes(own: pd.DataFrame) -> pd.DataFrame:
    found = means_by_size(own)
    told = found.assign(
        said=[
            f"{tables.mean_said(row['mean'], row['low'], row['high'])} ({row['pictures']})"
            for row in found.to_dict("records")
        ],
        group=found.group.map(SIZES),
    )
    wide = told.pivot_table(
        index="method", columns="group", values="said", aggfunc="first", sort=False
    )
    wide.insert(0, "Method", [localized_title(name) for name in wide.index])
    return wide.fillna(DASH).reset_index(drop=True)


def _differences(own: pd.DataFrame) -> pd.DataFrame:
    found = all_differences(own)
    interval = [
        f"[{number(low)}, {number(high)}]" for low, high in zip(found.low, found.high, strict=True)
    ]
    return pd.DataFrame(
        {
            "Method": found.method.map(localized_title),
            "Minus": found.other.map(localized_title),
            "Mean difference": found.difference.map(number),
            "95 % interval": interval,
            "Pictures": found.pictures,
        }
    )
