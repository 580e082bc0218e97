"""Live charts of a study's results, with 95 % intervals."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from pages.components.plots import COLOURS
from xai_core.charts.study import CASE_COLOURS
from xai_core.study.analysis.cases import CASES

ROW = 34  # pixels
LINE = 26  # letters
MOST_TICKS = 20
LEGEND = 120  # pixels for a legend of three lines and an axis with its title


def stacked(cases: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Each model's pictures by case, of ``case_table``; the titles by model."""
    figure = go.Figure()
    for case, title in CASES.items():
        own = cases[cases.case == case][::-1]
        figure.add_bar(
            y=[label(titles[model]) for model in own.model],
            x=own.share.tolist(),
            name=title,
            orientation="h",
            marker={"color": CASE_COLOURS[str(case)]},
            customdata=own[["count", "images", "low", "high"]].to_numpy().tolist(),
            hovertemplate="%{customdata[0]} of %{customdata[1]} pictures, %{x:.0%} "
            "(%{customdata[2]:.0%}, %{customdata[3]:.0%})<extra>%{fullData.name}</extra>",
            texttemplate="%{x:.0%}",
            textposition="inside",
            insidetextanchor="middle",
        )
    height = _case_height(cases)
    return _laid_out(figure, height, barmode="stack", xaxis=_shares("share of all pictures shown"))


def case_intervals(cases: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """Each model's share of each case with its interval; as ``stacked``."""
    figure = go.Figure()
    models = list(dict.fromkeys(cases.model))
    for number, model in enumerate(models):
        own = cases[cases.model == model]
        shift = (number - (len(models) - 1) / 2) * 0.7 / max(1, len(models))
        places = [place + shift for place in range(len(own))]
        _points(figure, own, places, label(titles[model]), COLOURS[number % len(COLOURS)])
    axes = {
        "xaxis": _shares("share of all pictures shown"),
        "yaxis": _rows(map(_wrapped, CASES.values())),
    }
    return _laid_out(figure, _case_height(cases), **axes)


def shares(table: pd.DataFrame, names: Sequence[str], of: str, expected: float = 0.0) -> go.Figure:
    """Shares with their intervals.

    Args:
        table: with share, low and high.
        names: of its rows.
        of: what they are shares of.
        expected: share that a line marks, if any.
    """
    figure = go.Figure()
    _points(figure, table, list(range(len(table))), "", COLOURS[0])
    if expected:
        figure.add_vline(expected, line={"color": "#777777", "dash": "dash", "width": 1})
    height = max(180, ROW * len(table) + 70)
    axes = {"xaxis": _shares(of), "yaxis": _rows(map(label, names))}
    return _laid_out(figure, height, showlegend=False, **axes)


def funnel(table: pd.DataFrame) -> go.Figure:
    """How many reached each step, of ``funnel.funnel``."""
    figure = go.Figure()
    figure.add_funnel(
        y=table.title.tolist(),
        x=table["count"].tolist(),
        textinfo="value",
        marker={"color": COLOURS[0]},
        connector={"visible": False},
        hovertemplate="%{y}: %{x}<extra></extra>",
    )
    return _laid_out(figure, max(240, 26 * len(table) + 40), showlegend=False)


def times(answers: pd.DataFrame) -> go.Figure:
    """Seconds for an answer by the trial's place, of ``times.times`` by position."""
    figure = go.Figure()
    where = answers.position.tolist()
    for name, title, dash in (
        ("three_quarters", "three quarters took no longer", "dot"),
        ("median", "half took no longer", "solid"),
        ("quarter", "a quarter took no longer", "dot"),
    ):
        figure.add_scatter(
            x=where,
            y=answers[name].astype(float).tolist(),
            name=title,
            mode="lines+markers",
            line={"color": COLOURS[0], "dash": dash},
            hovertemplate="trial %{x}: %{y:.1f} s<extra>%{fullData.name}</extra>",
        )
    axes: dict[str, Any] = {
        "xaxis": {"title": "place of the trial", "tick0": 1, "dtick": -(-len(where) // MOST_TICKS)},
        "yaxis": {"title": "seconds", "rangemode": "tozero"},
    }
    return _laid_out(figure, 300, **axes)


def label(text: str) -> str:
    """Text from outside, which Plotly would read as HTML."""
    return html.escape(text if len(text) <= 40 else f"{text[:39]}…", quote=False)


def _wrapped(title: str) -> str:
    """A title on lines that leave room for the chart on a narrow screen."""
    return "<br>".join(wrap(title, LINE))


def _points(
    figure: go.Figure, table: pd.DataFrame, places: Sequence[float], name: str, colour: str
) -> None:
    share = table.share.astype(float)
    figure.add_scatter(
        x=share.tolist(),
        y=list(places),
        name=name,
        mode="markers",
        marker={"color": colour, "size": 8},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": (table.high.astype(float) - share).clip(lower=0).tolist(),
            "arrayminus": (share - table.low.astype(float)).clip(lower=0).tolist(),
        },
        customdata=table[["count", "low", "high"]].to_numpy().tolist(),
        hovertemplate="%{customdata[0]}, %{x:.0%} (%{customdata[1]:.0%}, %{customdata[2]:.0%})"
        "<extra>%{fullData.name}</extra>",
    )


def _case_height(cases: pd.DataFrame) -> int:
    """The same for both charts of cases, which stand side by side."""
    return max(320, 20 * len(CASES) * cases.model.nunique() + 140)


def _rows(names: Iterable[str]) -> dict[str, Any]:
    """An axis with these names from its top down, at 0, 1, and so on."""
    shown = list(names)
    return {"tickvals": list(range(len(shown))), "ticktext": shown, "autorange": "reversed"}


def _shares(title: str) -> dict[str, Any]:
    return {"title": title, "tickformat": ".0%", "range": [0, 1], "ticklabeloverflow": "allow"}


def _laid_out(figure: go.Figure, height: int, **layout: Any) -> go.Figure:
    figure.update_layout(
        margin={"l": 0, "r": 16, "t": 8, "b": 40 if layout.get("showlegend") is False else LEGEND},
        height=height,
        # Measured from the figure's foot: under the axis' title, however tall the figure is.
        legend={
            "orientation": "h",
            "yref": "container",
            "y": 0,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
        },
        **layout,
    )
    return figure
