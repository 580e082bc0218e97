"""Sanity checks: destroy the model layer by layer, and see which heatmaps notice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from pages.components import own_maps, shell
from pages.components.classified import Classified
from pages.components.display_controls import choose_display
from pages.components.heatmap_grid import heatmap_grid
from pages.components.live import live, status, wait_for
from pages.components.sanity import about, curves, downloads, slider, table
from pages.components.sanity.frames import frames, labels, shown
from pages.components.sanity.sweep_controls import FIRST, Settings, choose_settings
from pages.components.sanity.sweep_results import SweepResults, again, ask
from pages.components.work import Work
from xai_core import tasks
from xai_core.explainers.choices import Choice
from xai_core.randomization.layer_groups import Layer
from xai_core.randomization.steps import LABELS
from xai_core.tasks import Inquiry


def page() -> None:
    classified = shell.begin("Sanity checks")
    layers = _layers(classified)
    row = shell.controls()
    choices = shell.choose_methods(classified, row, FIRST)
    own_maps.not_here("this check needs new maps of destroyed networks")
    settings = choose_settings(row, classified)
    sweep, work = ask(_inquiry(classified, layers, choices, settings))
    live(partial(results, classified, sweep, work, settings), work)
    about.show(layers)
    shell.end(classified, choices, idle=not work.running)


def _layers(classified: Classified) -> list[Layer]:
    facts = wait_for("layers", tasks.describe_layers(classified.model), "Reading the layers").facts
    return [Layer(name, tuple(parameters)) for name, parameters in facts["layers"]]


def _inquiry(
    classified: Classified, layers: list[Layer], choices: list[Choice], settings: Settings
) -> Inquiry:
    """What is asked; while something is missing the run ends here, with a word on the page."""
    columns = {choice.id: choice for choice in (*choices, *settings.controls)}
    shell.require_methods(list(columns.values()))
    other: Mapping[str, str] = {}
    if settings.test.mode == LABELS:
        if settings.other is None:
            st.info("Choose a model on the left for which there is one with permuted labels.")
            st.stop()
        other = wait_for("other", tasks.describe(settings.other), "Loading the second model").facts
    height, width = classified.facts["input_size"]
    return Inquiry(
        classified.model,
        classified.fingerprint,
        (height, width),
        layers,
        classified.subjects,
        list(columns.values()),
        settings.test,
        settings.measures,
        settings.smoothing,
        settings.other,
        other.get("fingerprint", ""),
        classified.by_source,
        settings.target,
    )


def results(classified: Classified, sweep: SweepResults, work: Work, settings: Settings) -> None:
    """Everything that changes while results arrive, or the slider moves."""
    sweep.update(work)
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    display = choose_display(row, signed_only=True)
    seed = slider.choose_seed(row, settings.test)
    status(work, "Computing", again=again)
    names = labels(shown(sweep.inquiry, seed))
    place = slider.current(len(names) - 1)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        data = frames(classified, sweep, work, display, settings.measure, seed, place)
        heatmap_grid(data, key=slider.GRID, on_frame_change=slider.take_over)
    with right:
        curves.show(sweep, settings.measure, display.show, place, names)
    table.show(sweep, settings.thresholds)
    downloads.show(classified, sweep, settings.thresholds, display.show, ready=not work.running)


page()
