"""Live charts over many pictures (after A figures 4.2 to 4.7 and 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from pages.components.plots import COLOURS, laid_out
from pages.components.reliability.metric_controls import STAGE_TITLES
from xai_core.apem.scores import TITLES
from xai_core.charts import density, whole_edges

PARTS = {"better": "#009E73", "equal": "#bbbbbb", "worse": "#D55E00"}
ROW, BAR, REST = 40, 0.45, 90  # pixels of a row; its share below the middle; pixels around the rows
FEW = 6


def boxes(table: pd.DataFrame, measure: str, titles: Mapping[str, str]) -> go.Figure:
    """A box for each method at each stage; a row of the table is a picture with both."""
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
    return laid_out(figure, 380, boxmode="group", yaxis={"title": TITLES[measure]})


def pairs(found: pd.DataFrame, names: Sequence[str]) -> go.Figure:
    """Shares of pictures on which one of two is better, equal or worse than the other.

    Args:
        found: ``apem.comparisons.pairwise`` or ``stage_pairs`` of one group.
        names: of each row.
    """
    figure = go.Figure()
    for part, colour in PARTS.items():
        figure.add_bar(
            y=list(names)[::-1],
            x=found[part].tolist()[::-1],
            name=part,
            orientation="h",
            width=BAR,
            offset=-BAR,
            marker={"color": colour},
            hovertemplate="%{x:.0%} %{fullData.name}<extra>%{y}</extra>",
        )
    # Above its bar a long name leaves the bar the whole width, also of a telephone.
    for name in names:
        figure.add_annotation(
            text=name, x=0, xref="paper", xanchor="left", y=name, yanchor="bottom", showarrow=False
        )
    rows, shares = {"showticklabels": False}, {"tickformat": ".0%", "range": [0, 1]}
    height = ROW * len(found) + REST
    return laid_out(figure, height, barmode="stack", xaxis=shares, yaxis=rows)


def shuffled(own: pd.DataFrame) -> go.Figure:
    """The metric of one method's maps and of the same maps shuffled, at one stage."""
    kinds = {"the maps": own.apem, "shuffled": own.apem_shuffled}
    values = {name: one.dropna().to_numpy(float) for name, one in kinds.items()}
    edges = whole_edges(np.concatenate(list(values.values())))
    figure = go.Figure()
    for (name, found), colour in zip(values.items(), (COLOURS[0], "#888888"), strict=True):
        figure.add_trace(_histogram(found, edges, colour, name))
    pictures = _pictures(max(np.histogram(found, edges)[0].max() for found in values.values()))
    apem = {"title": "APEM"}
    return laid_out(figure, 300, barmode="overlay", bargap=0.05, xaxis=apem, yaxis=pictures)


def differences(values: Sequence[int], title: str) -> go.Figure:
    """How much larger one method's ε+ is, picture by picture (A figure 5.1)."""
    numbers = np.asarray(values, dtype=float)
    edges = whole_edges(numbers)
    figure = go.Figure()
    figure.add_trace(_histogram(numbers, edges, COLOURS[0]))
    x, y = density(numbers, edges)
    figure.add_scatter(
        x=x.tolist(), y=y.tolist(), mode="lines", line={"color": COLOURS[1]}, hoverinfo="skip"
    )
    figure.add_vline(x=0, line={"width": 1, "color": "#888888"})
    pictures = _pictures(np.histogram(numbers, edges)[0].max())
    difference = {"title": title}
    return laid_out(figure, 300, showlegend=False, bargap=0.05, xaxis=difference, yaxis=pictures)


def losses(table: pd.DataFrame, titles: Mapping[str, str]) -> go.Figure:
    """The metric of the first stage over the loss, a point a picture; as ``boxes``."""
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
    return laid_out(figure, 340, xaxis={"title": "loss"}, yaxis={"title": "APEM"})


def _pictures(highest: int) -> dict[str, Any]:
    """The axis that counts pictures; of few it has no halves."""
    return {"title": "pictures", **({"dtick": 1} if highest <= FEW else {})}


def _histogram(
    values: NDArray[np.float64], edges: NDArray[np.float64], colour: str, name: str = ""
) -> go.Histogram:
    """How many pictures have a value in each bin."""
    return go.Histogram(
        x=values.tolist(),
        xbins={"start": edges[0], "end": edges[-1], "size": edges[1] - edges[0]},
        name=name,
        opacity=0.6,
        marker={"color": colour},
        hovertemplate=f"%{{y}} pictures at %{{x}}<extra>{name}</extra>",
    )
