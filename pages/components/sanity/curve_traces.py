"""What the curves of a sanity check look like: methods, controls, and the floors of random maps."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from pages.components.plots import COLOURS
from xai_core.explainers.choices import Choice, column_title

Curve = tuple[list[int], list[float], list[float]]  # depths, means, spreads

# Of methods, seen on white and on black: the first are solid, those beyond the colours are not.
METHOD_COLOURS = COLOURS[:-1]
STYLES = (("solid", "circle"), ("dash", "square"), ("longdashdot", "diamond"))
# What is no method is grey, and dotted.
GREY = "#8a8a8a"
CONTROLS = {"edges": "x-thin", "random": "cross-thin"}
METHODS_TITLE, CONTROLS_TITLE, FLOOR_TITLE = "Methods", "Controls", "Floor"
WIDEST = 40  # letters in a line of the legend, as a telephone has room for


def looks(choices: Sequence[Choice]) -> dict[str, dict[str, Any]]:
    """How the curve of each column is drawn, and where it stands in the legend: methods first."""
    methods = [one for one in choices if one.method not in CONTROLS]
    controls = [one for one in choices if one.method in CONTROLS]
    found = {}
    for title, group in ((METHODS_TITLE, methods), (CONTROLS_TITLE, controls)):
        for number, choice in enumerate(group):
            found[choice.id] = {
                "name": "<br>".join(textwrap.wrap(column_title(choice.id), WIDEST)),
                "legendgroup": choice.id,
                "legendgrouptitle": {"text": "" if number else title},
                **_style(number, choice),
            }
    return found


def _style(number: int, choice: Choice) -> dict[str, Any]:
    if choice.method in CONTROLS:
        sign = {"symbol": CONTROLS[choice.method], "size": 7, "line": {"width": 2, "color": GREY}}
        return {"line": {"color": GREY, "dash": "dot", "width": 2}, "marker": sign}
    colour = METHOD_COLOURS[number % len(METHOD_COLOURS)]
    dash, symbol = STYLES[number // len(METHOD_COLOURS) % len(STYLES)]
    return {
        "line": {"color": colour, "dash": dash, "width": 2},
        "marker": {"symbol": symbol, "size": 7, "color": colour},
    }


def line(curve: Curve, look: Mapping[str, Any], labels: Sequence[str]) -> go.Scatter:
    """The means; ``labels`` name the depths."""
    depths, means, spreads = curve
    return go.Scatter(
        x=depths,
        y=means,
        mode="lines+markers",
        showlegend=True,
        customdata=[[labels[depth], spread] for depth, spread in zip(depths, spreads, strict=True)],
        hovertemplate="%{customdata[0]}: %{y:.3f} ± %{customdata[1]:.3f}"
        "<extra>%{fullData.name}</extra>",
        **look,
    )


def band(curve: Curve, look: Mapping[str, Any]) -> list[go.Scatter]:
    """Mean plus and minus the standard deviation over seeds; none where there is no deviation."""
    depths, means, spreads = curve
    if not any(spreads):
        return []
    colour = look["line"]["color"]
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    upper = [mean + spread for mean, spread in zip(means, spreads, strict=True)]
    lower = [mean - spread for mean, spread in zip(means, spreads, strict=True)]
    filled = go.Scatter(
        x=[*depths, *reversed(depths)],
        y=[*upper, *reversed(lower)],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.15)",
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        legendgroup=look["legendgroup"],
    )
    return [filled]


def floors(found: Mapping[str, tuple[float, float]], last: int) -> list[go.Scatter]:
    """Hatched bands of what random maps reach, over all depths up to ``last``.

    All have one name in the legend, which is there before the first is known.

    Args:
        found: mean and spread by the kind of random map.
        last: the deepest depth.
    """
    areas = [
        go.Scatter(
            x=[0, last, last, 0],
            y=[mean + spread, mean + spread, mean - spread, mean - spread],
            text=f"Random maps, {kind}: {mean:.3f} ± {spread:.3f}",
        )
        for kind, (mean, spread) in found.items()
    ] or [go.Scatter(x=[None], y=[None])]
    for number, area in enumerate(areas):
        area.update(
            fill="toself",
            fillpattern={"shape": "/", "size": 7, "solidity": 0.15, "fgcolor": GREY},
            mode="lines",
            line={"width": 1, "dash": "dot", "color": GREY},
            name="Random maps",
            hoverinfo="text",
            hoveron="fills",
            showlegend=number == 0,
            legendgroup="floors",
            legendgrouptitle={"text": "" if number else FLOOR_TITLE},
        )
    return areas
