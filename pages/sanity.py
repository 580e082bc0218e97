"""Sanity checks: destroy the model layer by layer, and see which heatmaps notice."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.components import notes, support
from pages.components.display import choose_display
from pages.components.heatmap_grid import heatmap_grid
from pages.components.methods import choose_methods
from pages.components.models import choose_model
from pages.components.pictures import choose_pictures
from pages.components.progress import EVERY_S, status, wait_for
from pages.components.sanity import about, curves, depth, downloads, table
from pages.components.sanity.controls import FIRST, Settings, choose_settings
from pages.components.sanity.frames import frames, labels, shown
from pages.components.sanity.ledger import Ledger, again, ask
from pages.components.scene import Scene, build_scene
from pages.components.work import Work
from xai_core import tasks
from xai_core.explainers.choices import Choice
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import LABELS
from xai_core.tasks import Inquiry


def page() -> None:
    st.html("<style>.stMainBlockContainer{padding:2.6rem clamp(1rem,3vw,3rem) 2rem}</style>")
    with st.sidebar:
        pictures = choose_pictures()
        model = choose_model()
    st.subheader("Sanity checks", anchor=False)
    if not pictures:
        st.info("Choose a sample or upload a picture on the left; its heatmaps appear here.")
        return
    if model is None:
        st.info("Complete the model on the left; the heatmaps appear here.")
        return
    scene = build_scene(model, pictures)
    layers = _layers(scene)
    refusals = support.refusals(scene)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    choices = choose_methods(scene, refusals, row, FIRST)
    settings = choose_settings(row, scene)
    inquiry = _inquiry(scene, layers, choices, settings)
    if inquiry is None:
        return
    ledger, work = ask(inquiry)
    live = work.running
    draw = st.fragment(results, run_every=EVERY_S if live else None)
    draw(scene, ledger, work, settings, live)
    about.show(layers)
    notes.show(choices, refusals)
    support.find_out(scene, idle=not live)


def _layers(scene: Scene) -> list[Layer]:
    facts = wait_for("layers", tasks.describe_layers(scene.model), "Reading the layers").facts
    return [Layer(name, tuple(parameters)) for name, parameters in facts["layers"]]


def _inquiry(
    scene: Scene, layers: list[Layer], choices: list[Choice], settings: Settings
) -> Inquiry | None:
    """What is asked; None, with a word on the page, while something is missing."""
    columns = {choice.id: choice for choice in (*choices, *settings.controls)}
    if not columns:
        st.info("Choose at least one method above.")
        return None
    other: Mapping[str, str] = {}
    if settings.test.mode == LABELS:
        if settings.other is None:
            st.info("Choose a model on the left for which there is one with permuted labels.")
            return None
        other = wait_for("other", tasks.describe(settings.other), "Loading the second model").facts
    height, width = scene.facts["input_size"]
    return Inquiry(
        scene.model,
        scene.fingerprint,
        (height, width),
        layers,
        [view.subject for view in scene.views],
        list(columns.values()),
        settings.test,
        settings.measures,
        settings.smoothing,
        settings.other,
        other.get("fingerprint", ""),
        scene.pictures,
        settings.target,
    )


def results(scene: Scene, ledger: Ledger, work: Work, settings: Settings, live: bool) -> None:
    """Everything that changes while results arrive, or the slider moves.

    Args:
        scene: the model and the pictures.
        ledger: what is known.
        work: what is under way.
        settings: what the controls say.
        live: whether this runs again and again by itself, which ends with the work.
    """
    work.collect()
    ledger.update(work)
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    display = choose_display(row, signed_only=True)
    seed = depth.choose_seed(row, settings.test)
    status(work, "Computing", again=again)
    names = labels(shown(ledger.inquiry, seed))
    place = depth.current(len(names) - 1)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        data = frames(scene, ledger, work, display, settings.measure, seed, place)
        heatmap_grid(data, key=depth.GRID, on_frame_change=depth.noted)
    with right:
        curves.show(ledger, settings.measure, display.show, place, names)
    if live and not work.running:
        st.rerun()
    table.show(ledger, settings.thresholds)
    if not live:
        downloads.show(scene, ledger, settings.thresholds, display.show)


page()
