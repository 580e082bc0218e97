"""Curves of similarity over the depth, and the slider's place among them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.components import plots
from pages.components.sanity import curve_traces
from pages.components.sanity.curve_traces import Curve
from pages.components.sanity.frames import ASKED
from pages.components.sanity.sweep_results import SweepResults
from xai_core.explainers.choices import signed
from xai_core.measures import MEASURES
from xai_core.randomization.verdicts import mean_and_spread

KEY = "sanity-curves"
DEPTH = "_depth"  # in the session: the slider's place
MOST_NAMES = 14  # below the chart; more would run into each other
SHORT = 12  # letters of a name that may lean; longer ones stand, and reach beyond no edge
FEW = 8  # names that may lean; more would run into each other on a narrow page
# In pixels: the plot, a letter of a name that leans or stands, a line of the legend and a title
# in it.
PLOT, LEANING, STANDING, ROW, TITLE = 300, 5, 7, 19, 26


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
    lowest = 0.0
    for column, look in curve_traces.looks(sweep.inquiry.choices).items():
        curve = _curve(sweep, column, measure, show_what, len(labels))
        figure.add_traces([*curve_traces.band(curve, look), curve_traces.line(curve, look, labels)])
        lowest = min([lowest, *curve[1]])
    if MEASURES[measure].symmetric:
        floors = _floors(sweep, measure, show_what)
        figure.add_traces(curve_traces.floors(floors, len(labels) - 1))
    row = MEASURES[measure]
    limits = [lowest - 0.05, row.high + 0.05] if np.isfinite(row.high) else None
    return _laid_out(figure, labels, {"title": row.title, "range": limits})


def _laid_out(figure: go.Figure, labels: Sequence[str], yaxis: dict[str, Any]) -> go.Figure:
    """The figure with the names of the depths, and the legend below all of them."""
    named = range(0, len(labels), math.ceil(len(labels) / MOST_NAMES))
    names = [labels[depth] for depth in named]
    longest = max(map(len, names))
    leans = longest <= SHORT and len(names) <= FEW
    below = longest * (LEANING if leans else STANDING) + _legend_height(figure)
    xaxis = {"tickvals": list(named), "ticktext": names, "tickangle": -45 if leans else -90}
    plots.laid_out(figure, PLOT + below, hovermode="closest", xaxis=xaxis, yaxis=yaxis)
    # A click on a name hides its curve with its band: each is a group of its own.
    legend = {"orientation": "v", "yref": "container", "y": 0, "yanchor": "bottom"}
    legend |= {"traceorder": "grouped", "tracegroupgap": 0}
    return figure.update_layout(margin_b=below + ROW, legend=legend)


def _legend_height(figure: go.Figure) -> int:
    """In pixels: a line for each of a name's, and the titles."""
    lines: list[int] = [1 + trace.name.count("<br>") for trace in figure.data if trace.showlegend]
    titles = [trace for trace in figure.data if trace.legendgrouptitle.text]
    return ROW * sum(lines) + TITLE * len(titles)


def _curve(sweep: SweepResults, column: str, measure: str, show_what: str, count: int) -> Curve:
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


def _floors(sweep: SweepResults, measure: str, show_what: str) -> dict[str, tuple[float, float]]:
    """Mean and spread of random maps by their kind: resolution, and whether they are signed."""
    found: dict[str, tuple[float, float]] = {}
    for choice in sweep.inquiry.choices:
        floors = sweep.floors(choice.id)
        mean, spread = floors.get("noise", {}).get(measure, {}).get(show_what) or (None, None)
        if mean is not None and spread is not None:
            size = "×".join(map(str, floors["native"]))
            found[size if signed(choice) else f"{size}, unsigned"] = (mean, spread)
    return found
