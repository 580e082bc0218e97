"""Compare: attribution methods side by side on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.components import downloads, notes, pairs, support
from pages.components.display import choose_display
from pages.components.grid_data import grid_data
from pages.components.heatmap_grid import heatmap_grid
from pages.components.methods import choose_methods
from pages.components.models import choose_model
from pages.components.pictures import choose_pictures
from pages.components.progress import EVERY_S, status
from pages.components.scene import Scene, build_scene
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.display import Display
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task, shared_engine

PURPOSE = "compare"


def page() -> None:
    st.html("<style>.stMainBlockContainer{padding:2.6rem clamp(1rem,3vw,3rem) 2rem}</style>")
    with st.sidebar:
        pictures = choose_pictures()
        model = choose_model()
    st.subheader("Compare explanations", anchor=False)
    if not pictures:
        st.info("Choose a sample or upload a picture on the left; its heatmaps appear here.")
        return
    if model is None:
        st.info("Complete the model on the left; the heatmaps appear here.")
        return
    scene = build_scene(model, pictures)
    refusals = support.refusals(scene)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    choices = choose_methods(scene, refusals, row)
    if not choices:
        st.info("Choose at least one method above.")
        return
    orders = tasks.explain_all(
        scene.model,
        scene.fingerprint,
        [view.subject for view in scene.views],
        choices,
        scene.pictures,
        shared_engine().cache.__contains__,
    )
    work = gather(PURPOSE, list(orders.values()))
    live = work.running
    draw = st.fragment(results, run_every=EVERY_S if live else None)
    draw(scene, choices, orders, work, live)
    notes.show(choices, refusals)
    support.find_out(scene, idle=not live)


def results(
    scene: Scene,
    choices: Sequence[Choice],
    orders: Mapping[tuple[str, str], Task],
    work: Work,
    live: bool,
) -> None:
    """Everything that changes while results arrive or the display changes.

    Args:
        scene: the model and the pictures.
        choices: the chosen methods, one a column.
        orders: what was asked for, by picture and column.
        work: what has come of it so far.
        live: whether this runs again and again by itself, which ends with the work.
    """
    work.collect()
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    display = choose_display(row)
    status(work, "Computing", failure)
    heatmap_grid(grid_data(scene, choices, orders, work, display), key="compare-grid")
    if live and not work.running:
        st.rerun()
    if not live:
        after(scene, choices, orders, work, display)


def failure(sentences: Sequence[str]) -> str:
    """What is said of heatmaps that could not be computed."""
    return f"{len(sentences)} of the heatmaps could not be computed; the reason is below each."


def after(
    scene: Scene,
    choices: Sequence[Choice],
    orders: Mapping[tuple[str, str], Task],
    work: Work,
    display: Display,
) -> None:
    """What needs finished results: similarity between methods, and files."""
    explanations = downloads.finished(scene, choices, orders, work)
    if explanations:
        downloads.show(scene, explanations, display)
        pairs.show(scene, explanations, display)


page()
