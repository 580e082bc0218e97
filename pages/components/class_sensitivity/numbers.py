"""How alike the maps of different classes are, as bars, a matrix and a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components import alt_text
from pages.components.plots import COLOURS, intervals, laid_out
from pages.components.select_controls import segments, select_box
from pages.components.text import DASH, number, share
from xai_core.class_sensitivity import PUBLISHED, averages
from xai_core.explainers.choices import column_title
from xai_core.heatmaps import SHOWS
from xai_core.measures import MEASURES
from xai_core.similarity import similarities

WAITING = "They are compared when all maps are there."
SHOW_TITLES = {"all": "All relevance", "positive": "Positive only", "absolute": "Absolute"}
# Pixels of a method's bars, of the legend, and of all around the bars.
ROW, LEGEND, REST = 28, 32, 96
FLOOR = "Random maps"


def show(table: pd.DataFrame, titles: Mapping[int, str], shares: Sequence[float]) -> None:
    """Everything about the scores of one picture.

    Args:
        table: of ``class_sensitivity.as_table``.
        titles: what people read of each class, by its index.
        shares: how much of the picture belongs to each class that has a part in it.
    """
    measure, own = _chosen(table)
    means = averages(own)
    several = len(titles) > 2
    left, right = st.columns([3, 2], gap="medium") if several or shares else (st, st)
    left.plotly_chart(bars(means, MEASURES[measure].title), key="class-bars")
    if shares:
        figure = places(own, list(means.method), titles, shares)
        (left if several else right).plotly_chart(figure, key="class-places")
    if several:
        _matrix(right, own, list(means.method), titles)
    alt_text.table(lines(table, means, measure), "Scores by method", height="content")


def show_many(table: pd.DataFrame) -> None:
    """The same on average over pictures."""
    measure, own = _chosen(table)
    if own.empty:
        return
    means = averages(own)
    st.plotly_chart(bars(means, MEASURES[measure].title), key="class-bars")
    alt_text.table(lines(table, means, measure), "Averages by method", height="content")


def _chosen(table: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Which measure is looked at, and its scores of the relevance that is looked at."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    names = {name: measure.title for name, measure in similarities().items()}
    measure = select_box(row, "Measure", names, "class_measure", width=220)
    kind = segments(row, "Relevance", SHOW_TITLES, "class_show")
    return measure, table[(table.measure == measure) & (table["show"] == kind)]


def bars(means: pd.DataFrame, title: str) -> go.Figure:
    """A bar for each method, the most sensitive on top, and what random maps reach."""
    shown = means.iloc[::-1]
    figure = go.Figure()
    methods = shown.method.map(column_title).tolist()
    figure.add_bar(
        y=methods,
        x=shown["mean"].tolist(),
        orientation="h",
        error_x=intervals(shown),
        marker={"color": COLOURS[0]},
        name="Two classes",
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    figure.add_scatter(
        y=methods,
        x=shown.noise.tolist(),
        mode="markers",
        name=FLOOR,
        marker={"symbol": "line-ns-open", "size": 14, "color": COLOURS[1], "line": {"width": 3}},
        hovertemplate="random maps at the resolution of %{y}: %{x:.3f}<extra></extra>",
    )
    lowest = shown[["mean", "low", "noise"]].fillna(0).to_numpy().min(initial=0)
    return _over_methods(figure, len(shown), f"{title} between the classes", [lowest, 1])


def places(
    own: pd.DataFrame, methods: Sequence[str], titles: Mapping[int, str], shares: Sequence[float]
) -> go.Figure:
    """How much of each map's positive relevance lies on the part of its own class.

    Args:
        own: scores of one picture, by one measure.
        methods: in the order of the bars.
        titles: as in ``show``, as are the shares.
        shares: likewise.
    """
    figure = go.Figure()
    inside = _inside(own)
    # The last bar that is added is the uppermost.
    for place, (index, title) in reversed(list(enumerate(titles.items()))):
        values = [inside.get((method, index), float("nan")) for method in methods]
        if not all(math.isnan(value) for value in values):
            figure.add_bar(
                y=[column_title(method) for method in methods][::-1],
                x=values[::-1],
                orientation="h",
                name=title,
                marker={"color": COLOURS[place % len(COLOURS)]},
                hovertemplate="%{y}: %{x:.0%} on its own part<extra>%{fullData.name}</extra>",
            )
    for share_of_all in sorted(set(shares)):
        figure.add_vline(x=share_of_all, line={"dash": "dot", "color": "#888888"})
    figure.update_xaxes(tickformat=".0%")
    found = _over_methods(figure, len(methods), "On its own part", [0, 1])
    return found.update_layout(showlegend=True, legend={"traceorder": "reversed"})


def _over_methods(figure: go.Figure, methods: int, title: str, ends: Sequence[float]) -> go.Figure:
    """The figure with so many methods below each other, and its legend above them."""
    laid_out(figure, ROW * methods + REST, 1.0)
    # Beside the last number on the axis there is room for all of it.
    figure.update_layout(margin={"t": LEGEND, "r": 24}, legend={"yanchor": "bottom"})
    return figure.update_xaxes(title=title, range=ends)


def lines(table: pd.DataFrame, means: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The table that is read: a line a method, in the order of the bars."""
    every = averages(table[table.measure == measure])
    of = every.set_index(["method", "show"])["mean"].to_dict()
    several, inside = means.pictures.max() > 1, means.inside.notna().any()
    return pd.DataFrame(
        [
            {
                "Method": column_title(row["method"]),
                **{SHOW_TITLES[kind]: number(of[row["method"], kind]) for kind in SHOWS},
                FLOOR: number(row["noise"]),
                **(_spread(row) if several else {}),
                **({"On its own part": share(row["inside"])} if inside else {}),
                "Nuzzo 2020, SSIM": PUBLISHED.get(row["method"], DASH),
            }
            for row in means.to_dict("records")
        ]
    )


def _inside(own: pd.DataFrame) -> dict[tuple[str, int], float]:
    """Share on its own part by method and class."""
    found: dict[tuple[str, int], float] = {}
    for row in own.to_dict("records"):
        for letter in "ab":
            found[row["method"], row[f"class_{letter}"]] = row[f"inside_{letter}"]
    return found


def _spread(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "95 % interval": f"{number(row['low'])} to {number(row['high'])}",
        "Pictures": row["pictures"],
        "Without a score": row["undefined"],
    }


def _matrix(
    place: Any, own: pd.DataFrame, methods: Sequence[str], titles: Mapping[int, str]
) -> None:
    """Every two classes, by one method."""
    offered = {name: column_title(name) for name in methods}
    method = select_box(place, "Maps of", offered, "class_matrix", width=260)
    place.plotly_chart(matrix(own[own.method == method], titles), key="class-matrix")


def matrix(own: pd.DataFrame, titles: Mapping[int, str]) -> go.Figure:
    """How alike the maps of each two classes are.

    Args:
        own: scores of one picture and method, by one measure.
        titles: as in ``show``.
    """
    order = {index: place for place, index in enumerate(titles)}
    values = np.full((len(order), len(order)), np.nan)
    for row in own.to_dict("records"):
        a, b = order[row["class_a"]], order[row["class_b"]]
        values[a, b] = values[b, a] = row["value"]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=list(titles.values()),
            y=list(titles.values()),
            zmin=min(0.0, *own.value.fillna(0)),
            zmax=1,
            colorscale="Cividis",
            texttemplate="%{z:.2f}",
            hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
            colorbar={"title": MEASURES[own.measure.iloc[0]].title},
        )
    )
    figure.update_xaxes(showgrid=False)
    figure.update_yaxes(showgrid=False, autorange="reversed")
    return laid_out(figure, 34 * len(titles) + 160)
