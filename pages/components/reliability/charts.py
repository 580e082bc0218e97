"""Live charts over many pictures (after A figures 4.2 to 4.7 and 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.components.reliability.controls import STAGE_TITLES

# Okabe & Ito 2008: told apart by people who cannot tell red from green.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
PARTS = {"better": "#009E73", "equal": "#bbbbbb", "worse": "#D55E00"}
MEASURES = {"apem": "APEM", "eps_minus": "ε−", "eps_plus": "ε+", "apem_normalized": "Normalised"}
ROW = 26  # pixels


def boxes(table: pd.DataFrame, measure: str, titles: Mapping[str, str]) -> go.Figure:
    """A box for each method at each stage.

    Args:
        table: a row for each picture, method and stage.
        measure: the column that is drawn.
        titles: what people read of each method.
    """
    figure = go.Figure()
    for number, (method, title) in enumerate(titles.items()):
        own = table[(table.method == method) & table[measure].notna()]
        figure.add_box(
            x=own.stage.map(STAGE_TITLES).tolist(),
            y=own[measure].astype(float).tolist(),
            name=title,
            boxmean=True,
            marker={"color": COLOURS[number % len(COLOURS)], "size": 3},
            customdata=own.image.tolist(),
            hovertemplate="%{customdata}: %{y}<extra>%{fullData.name}</extra>",
        )
    return _laid_out(figure, 380, boxmode="group", yaxis={"title": MEASURES[measure]})


def pairs(found: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Shares of pictures on which a method is better, equal or worse than another.

    Args:
        found: ``apem.summary.pairwise`` of one group.
        titles: what people read of each method.
    """
    rows = found[::-1]
    names = [
        f"{titles[method]} / {titles[other]}, {STAGE_TITLES[stage].lower()}"
        for method, other, stage in zip(rows.method, rows.other, rows.stage, strict=True)
    ]
    figure = go.Figure()
    for part, colour in PARTS.items():
        figure.add_bar(
            y=names,
            x=rows[part].tolist(),
            name=part,
            orientation="h",
            marker={"color": colour},
            hovertemplate="%{x:.0%} %{fullData.name}<extra>%{y}</extra>",
        )
    axis = {"tickformat": ".0%", "range": [0, 1]}
    return _laid_out(figure, max(220, ROW * len(rows) + 90), barmode="stack", xaxis=axis)


def shuffled(table: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """The metric of maps, and of the same maps shuffled, of all stages.

    Args:
        table: a row for each picture, method and stage.
        titles: what people read of each method.
    """
    figure = go.Figure()
    for number, (method, title) in enumerate(titles.items()):
        values = table[table.method == method].apem.dropna().astype(float).tolist()
        figure.add_histogram(
            x=values,
            name=title,
            opacity=0.6,
            bingroup="apem",
            marker={"color": COLOURS[number % len(COLOURS)]},
        )
    values = table.apem_shuffled.dropna().astype(float).tolist()
    figure.add_histogram(
        x=values, name="shuffled, all", opacity=0.6, bingroup="apem", marker={"color": "#888888"}
    )
    axes: dict[str, Any] = {"xaxis": {"title": "APEM"}, "yaxis": {"title": "maps"}}
    return _laid_out(figure, 340, barmode="overlay", **axes)


def losses(table: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """The metric of the first stage over the loss, a point a picture.

    Args:
        table: a row for each picture, method and stage.
        titles: what people read of each method.
    """
    figure = go.Figure()
    first = table[table.stage == table.stage.iloc[0]] if len(table) else table
    for number, (method, title) in enumerate(titles.items()):
        own = first[(first.method == method) & first.apem.notna() & first.loss.notna()]
        figure.add_scatter(
            x=own.loss.astype(float).tolist(),
            y=own.apem.astype(float).tolist(),
            mode="markers",
            name=title,
            customdata=own.image.tolist(),
            marker={"color": COLOURS[number % len(COLOURS)], "size": 6, "opacity": 0.7},
            hovertemplate="%{customdata}: loss %{x:.2f}, APEM %{y}<extra>%{fullData.name}</extra>",
        )
    return _laid_out(figure, 340, xaxis={"title": "loss"}, yaxis={"title": "APEM"})


def _laid_out(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        height=height,
        legend={"orientation": "h", "y": -0.2, "x": 0, "traceorder": "normal"},
        **layout,
    )
    return figure
