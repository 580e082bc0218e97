"""How similar the methods' maps are to each other: pairwise SSIM."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.components.progress import time_left
from pages.components.scene import Scene
from pages.components.work import gather
from xai_core import orders
from xai_core.display import Display
from xai_core.explainers import METHODS
from xai_core.export import Explanation

MEAN = "Mean of all pictures"


def show(scene: Scene, explanations: Sequence[Explanation], display: Display) -> None:
    """A table of scores for one picture, or the mean over those where each is defined."""
    names = list(dict.fromkeys(item.method for item in explanations))
    rows = {
        view.picture.name: [e for e in explanations if e.image_hash == view.picture.hash]
        for view in scene.views
    }
    rows = {name: row for name, row in rows.items() if len(row) == len(names)}
    if len(names) < 2 or not rows:
        return
    st.markdown("**Similarity between methods (SSIM)**")
    st.caption(
        "Structural similarity of the maps as they are shown: 1 is identical, 0 unrelated. "
        "Two empty maps have none (a gap). Wang et al. 2004, doi:10.1109/TIP.2003.819861."
    )
    tasks = {
        name: orders.similarity(
            _maps(row, display), "ssim", "all" if display.signed else "absolute"
        )
        for name, row in rows.items()
    }
    work = gather("pairs", list(tasks.values()), patience=1.0)
    if work.running:
        st.caption(f"Comparing the maps, {time_left(work)}.")
        st.fragment(_wait, run_every=0.4)(work)
        return
    for sentence in dict.fromkeys(work.problems.values()):
        st.caption(sentence)
    scores = {
        name: work.results[task.key].arrays["scores"]
        for name, task in tasks.items()
        if task.key in work.results
    }
    if not scores:
        return
    chosen = MEAN
    if len(scores) > 1:
        chosen = st.selectbox("Picture", [MEAN, *scores], key="pairs-picture")
    stack = np.stack(list(scores.values())) if chosen == MEAN else scores[chosen][None]
    st.plotly_chart(_chart([METHODS[name].title for name in names], _mean(stack)), key="pairs")


def _maps(explanations: Sequence[Explanation], display: Display) -> np.ndarray:
    """The maps of one picture, [M, H, W]; at the stage "channels", their mean over channels."""
    maps = [display.values(e.relevance, e.pixels).mean(0) for e in explanations]
    return np.stack(maps).astype(np.float32)


def _wait(work: object) -> None:
    if not work.running:  # type: ignore[attr-defined]
        st.rerun()


def _mean(stack: np.ndarray) -> np.ndarray:
    """Mean over pictures, of the defined scores only; NaN where there is none."""
    defined = np.isfinite(stack)
    count = defined.sum(0)
    total = np.where(defined, stack, 0).sum(0)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def _chart(titles: Sequence[str], scores: np.ndarray) -> go.Figure:
    figure = go.Figure(
        go.Heatmap(
            z=scores,
            x=titles,
            y=titles,
            zmin=0,
            zmax=1,
            colorscale="Cividis",
            texttemplate="%{z:.2f}",
            hovertemplate="%{y} and %{x}: SSIM %{z:.3f}<extra></extra>",
            colorbar={"title": "SSIM"},
        )
    )
    figure.update_yaxes(autorange="reversed")
    figure.update_layout(margin={"l": 0, "r": 0, "t": 10, "b": 0}, height=120 + 34 * len(titles))
    return figure
