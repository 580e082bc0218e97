"""Compare: attribution methods side by side on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from pages.components import own_maps, shell
from pages.components.classified import Classified
from pages.components.compare import downloads, pairs
from pages.components.compare.grid_data import grid_data
from pages.components.display_controls import choose_display
from pages.components.heatmap_grid import heatmap_grid
from pages.components.live import live, status
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task, shared_engine

PURPOSE = "compare"


def page() -> None:
    classified = shell.begin("Compare explanations")
    row = shell.controls()
    choices = shell.choose_methods(classified, row)
    classified, own = own_maps.choose(classified, row)
    choices += own
    shell.require_methods(choices)
    asked = tasks.explain_all(
        *classified.loaded,
        classified.subjects,
        choices,
        classified.by_source,
        shared_engine().cache.__contains__,
    )
    work = gather(PURPOSE, list(asked.values()))
    live(partial(results, classified, choices, asked, work), work)
    shell.end(classified, choices, idle=not work.running)


def results(
    classified: Classified,
    choices: Sequence[Choice],
    asked: Mapping[tuple[str, str], Task],
    work: Work,
) -> None:
    """Everything that changes with results and display; ``asked`` is by picture and column."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    display = choose_display(row)
    status(work, "Computing", failure)
    heatmap_grid(grid_data(classified, choices, asked, work, display), key="compare-grid")
    # Files and comparisons wait for the last map, in their places.
    explanations = [] if work.running else downloads.finished(classified, choices, asked, work)
    downloads.show(classified, explanations, display)
    pairs.show(classified, choices, explanations, display)


def failure(sentences: Sequence[str]) -> str:
    """What is said of heatmaps that could not be computed."""
    return f"{len(sentences)} of the heatmaps could not be computed; their places say why."


page()
