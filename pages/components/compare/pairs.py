"""How similar the methods' maps are to each other: pairwise SSIM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.components.classified import Classified
from pages.components.live import live, told
from pages.components.select_controls import select_box
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.display import Display
from xai_core.explainers.choices import Choice, column_title, signed
from xai_core.export import Explanation
from xai_core.measures import MEASURES
from xai_core.similarity import mean_of_defined

MOST_NUMBERS = 14  # in a row; more would not fit into their squares
MARGIN, CONTROL = 20, 90  # pixels around the table, and of the choice of a picture above it
MEAN = "Mean of all pictures"  # a picture's hash is never that


def show(
    classified: Classified,
    choices: Sequence[Choice],
    explanations: Sequence[Explanation],
    display: Display,
) -> None:
    """A table of scores for one picture, or the mean over those where each is defined.

    Args:
        classified: the pictures.
        choices: the methods.
        explanations: their maps when all are there; empty before.
        display: how the maps are shown.
    """
    if len(choices) < 2:
        return
    st.markdown("**Similarity between methods (SSIM)**")
    st.caption(
        "Structural similarity of the maps as they are shown: 1 is identical, 0 unrelated. "
        "Two empty maps have none (a gap). Where a method gives negative values, both maps of a "
        "pair are compared on the scale from -1 to 1; two methods that give none, on the scale "
        f"from 0 to 1. {MEASURES['ssim'].citation}."
    )
    several = len(classified.images) > 1
    with st.container(height=_height(len(choices)) + MARGIN + several * CONTROL, border=False):
        _table(classified, explanations, display)


def _table(classified: Classified, explanations: Sequence[Explanation], display: Display) -> None:
    names = list(dict.fromkeys(item.column for item in explanations))
    titles = {image.picture.hash: image.picture.name for image in classified.images}
    rows = {key: [e for e in explanations if e.image_hash == key] for key in titles}
    rows = {key: row for key, row in rows.items() if len(row) == len(names)}
    if len(names) < 2 or not rows:
        st.caption("The maps are compared when at least two of a picture are there.")
        return
    kind = "all" if display.signed else "absolute"
    asked = {
        key: tasks.similarity(
            _maps(row, display), "ssim", kind, [signed(Choice(e.method, e.settings)) for e in row]
        )
        for key, row in rows.items()
    }
    work = gather("pairs", list(asked.values()), patience=1.0)
    if work.running:
        live(lambda: st.caption(told(work, "Comparing the maps")), work)
        return
    for sentence in dict.fromkeys(work.problems.values()):
        st.caption(plain(sentence))
    scores = {
        key: work.results[task.key].arrays["scores"]
        for key, task in asked.items()
        if task.key in work.results
    }
    if not scores:
        return
    chosen = MEAN
    if len(scores) > 1:
        offered = {MEAN: MEAN, **{key: titles[key] for key in scores}}
        chosen = select_box(st, "Picture", offered, "pairs-picture", bind=None, width=320)
    stack = np.stack(list(scores.values())) if chosen == MEAN else scores[chosen][None]
    chart = _chart([column_title(name) for name in names], mean_of_defined(stack))
    st.plotly_chart(chart, key="pairs")


def _maps(explanations: Sequence[Explanation], display: Display) -> NDArray[np.floating]:
    """The maps of one picture, [M, H, W]; where a stage has three channels, their mean."""
    maps = [display.values(e.relevance, e.pixels).mean(0) for e in explanations]
    return np.stack(maps).astype(np.float32)


def _chart(titles: Sequence[str], scores: NDArray[np.floating]) -> go.Figure:
    figure = go.Figure(
        go.Heatmap(
            z=scores,
            x=titles,
            y=titles,
            zmin=0,
            zmax=1,
            colorscale="Cividis",
            texttemplate="%{z:.2f}" if len(titles) <= MOST_NUMBERS else None,
            hovertemplate="%{y} and %{x}: SSIM %{z:.3f}<extra></extra>",
            colorbar={"title": "SSIM"},
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(margin={"l": 0, "r": 0, "t": 10, "b": 0}, height=_height(len(titles)))
    return figure


def _height(methods: int) -> int:
    """Of the table, in pixels."""
    return 120 + 34 * methods
