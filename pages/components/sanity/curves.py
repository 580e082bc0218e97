"""Curves of similarity over the depth, and the slider's place among them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.components import plots
from pages.components.sanity.frames import ASKED
from pages.components.sanity.sweep_results import SweepResults
from xai_core.explainers.choices import column_title, signed
from xai_core.measures import MEASURES
from xai_core.randomization.verdicts import mean_and_spread

COLOURS = (*plots.COLOURS, "#000000")
DASHES = ("solid", "dash", "dot", "dashdot")
CONTROL_COLOUR = "#8a8a8a"
KEY = "sanity-curves"
DEPTH = "_depth"  # in the session: the slider's place
MOST_NAMES = 14  # below the chart; more would run into each other
# In pixels: the plot, a letter of a name that leans at 45 degrees, a row of the legend.
PLOT, LETTER, ROW = 300, 5, 19


def show(
    sweep: SweepResults, measure: str, display_show: str, depth: int, labels: Sequence[str]
) -> None:
    """The chart of a measure of what the maps show; a click moves the slider."""
    figure = _figure(sweep, measure, display_show, labels)
    plots.mark(figure, depth)
    st.plotly_chart(figure, key=KEY, on_select=_clicked, selection_mode="points")


def _clicked() -> None:
    points = st.session_state[KEY].selection.points
    if points:
        st.session_state[DEPTH] = round(points[0]["x"])
        st.session_state[ASKED] = st.session_state.get(ASKED, 0) + 1


def _figure(sweep: SweepResults, measure: str, show_what: str, labels: Sequence[str]) -> go.Figure:
    figure = go.Figure()
    _floors(figure, sweep, measure, show_what, len(labels) - 1)
    lowest = 0.0
    for number, choice in enumerate(sweep.inquiry.choices):
        depths, means, spreads = _curve(sweep, choice.id, measure, show_what, len(labels))
        control = choice.method in ("edges", "random")
        colour = CONTROL_COLOUR if control else COLOURS[number % len(COLOURS)]
        dash = "dot" if control else DASHES[number // len(COLOURS) % len(DASHES)]
        _band(figure, depths, means, spreads, colour)
        figure.add_scatter(
            x=depths,
            y=means,
            name=column_title(choice.id),
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"size": 7, "color": colour},
            customdata=[
                [labels[depth], spread] for depth, spread in zip(depths, spreads, strict=True)
            ],
            hovertemplate="%{customdata[0]}: %{y:.3f} ± %{customdata[1]:.3f}"
            "<extra>%{fullData.name}</extra>",
        )
        lowest = min([lowest, *means])
    row = MEASURES[measure]
    limits = [lowest - 0.05, row.high + 0.05] if np.isfinite(row.high) else None
    named = range(0, len(labels), math.ceil(len(labels) / MOST_NAMES))
    names = [labels[depth] for depth in named]
    below = LETTER * max(map(len, names)) + ROW * sum(
        trace.showlegend is not False for trace in figure.data
    )
    plots.laid_out(
        figure,
        PLOT + below,
        hovermode="closest",
        xaxis={"tickvals": list(named), "ticktext": names, "tickangle": -45},
        yaxis={"title": row.title, "range": limits},
    )
    # Below all names, however long they are.
    legend = {"orientation": "v", "yref": "container", "y": 0, "yanchor": "bottom"}
    return figure.update_layout(margin_b=below + ROW, legend=legend)


def _curve(
    sweep: SweepResults, column: str, measure: str, show_what: str, count: int
) -> tuple[list[int], list[float], list[float]]:
    """Depths that have a score, with the mean over pictures and seeds and its spread over seeds."""
    steps = sweep.inquiry.steps
    depths, means, spreads = [], [], []
    for depth in range(count):
        there = [step for step in steps if step.depth == depth]
        mean, spread = mean_and_spread(sweep.values(column, measure, show_what, there))
        if not np.isnan(mean):
            depths.append(depth)
            means.append(mean)
            spreads.append(0.0 if np.isnan(spread) else spread)
    return depths, means, spreads


def _band(
    figure: go.Figure,
    depths: Sequence[int],
    means: Sequence[float],
    spreads: Sequence[float],
    colour: str,
) -> None:
    """Mean plus and minus the standard deviation over seeds."""
    if not any(spreads):
        return
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    upper = [mean + spread for mean, spread in zip(means, spreads, strict=True)]
    lower = [mean - spread for mean, spread in zip(means, spreads, strict=True)]
    figure.add_scatter(
        x=[*depths, *reversed(depths)],
        y=[*upper, *reversed(lower)],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.15)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def _floors(
    figure: go.Figure, sweep: SweepResults, measure: str, show_what: str, last: int
) -> None:
    """What independent random maps reach, once for each resolution and kind of method."""
    drawn: set[tuple[str, float]] = set()
    for choice in sweep.inquiry.choices:
        floors = sweep.floors(choice.id)
        mean, spread = floors.get("noise", {}).get(measure, {}).get(show_what) or (None, None)
        if mean is None:
            continue
        name = "×".join(map(str, floors["native"]))
        if (name, mean) in drawn:
            continue
        drawn.add((name, mean))
        figure.add_scatter(
            x=[0, last, last, 0],
            y=[mean + spread, mean + spread, mean - spread, mean - spread],
            fill="toself",
            fillcolor="rgba(128,128,128,0.25)",
            mode="lines",
            line={"width": 0},
            name=f"random maps, {name}" + ("" if signed(choice) else ", unsigned"),
            hoverinfo="skip",
            legendrank=2000,
        )
