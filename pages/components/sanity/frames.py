"""What the grid of a sanity check is told: every method at every depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from pages.components.classified import Classified
from pages.components.compare.grid_data import grid_column, grid_row
from pages.components.display_controls import display_facts
from pages.components.sanity.map_route import address
from pages.components.sanity.sweep_results import SweepResults
from pages.components.work import Work
from xai_core.display import Display
from xai_core.explainers.choices import Choice
from xai_core.measures import MEASURES
from xai_core.randomization.collapse import BORDER, EMPTY
from xai_core.randomization.steps import Step
from xai_core.randomization.stored_maps import PROBLEM
from xai_core.randomization.targets import PREDICTED, target_of
from xai_core.tasks import Inquiry

COLLAPSED = {EMPTY: "empty", BORDER: "at the border"}
ASKED = "_depth-asked"  # in the session: how often Python moved the slider


def frames(
    classified: Classified,
    sweep: SweepResults,
    work: Work,
    display: Display,
    measure: str,
    seed: int,
    depth: int,
) -> dict[str, Any]:
    """The data of ``heatmap_grid``, with one frame a depth.

    Args:
        classified: the model and the pictures.
        sweep: what is known.
        work: what is under way.
        display: how maps are drawn.
        measure: whose score stands under each map.
        seed: whose networks are shown.
        depth: where the slider should be.
    """
    inquiry = sweep.inquiry
    steps = shown(inquiry, seed)
    problems = [sweep.problem(step, work) for step in steps]
    return {
        "rows": [grid_row(one, classified.class_titles[one.target]) for one in classified.images],
        "columns": [_column(inquiry, choice) for choice in inquiry.choices],
        "shared": f"Under each map: {MEASURES[measure].title}.",
        "tiles": [
            [
                {
                    "frames": [
                        _tile(sweep, step, choice, number, display, measure, problem)
                        for step, problem in zip(steps, problems, strict=True)
                    ]
                }
                for choice in inquiry.choices
            ]
            for number in range(len(classified.images))
        ],
        "display": display_facts(display),
        "frames": [_depth_words(steps, number, inquiry.test.mode) for number in range(len(steps))],
        "frameTicks": labels(steps),
        "frame": depth,
        "frameAsked": st.session_state.get(ASKED, 0),
        "frameTitle": "Randomised:",
    }


def _column(inquiry: Inquiry, choice: Choice) -> dict[str, Any]:
    predicted = target_of(choice, inquiry.target) == PREDICTED
    return grid_column(choice, "of the class it predicts" if predicted else "")


def shown(inquiry: Inquiry, seed: int) -> list[Step]:
    """The networks under the slider: the trained one, and those of one seed by their depth."""
    return [s for s in inquiry.steps if s.depth == 0 or (s.depth > 0 and s.seed == seed)]


def labels(steps: Sequence[Step]) -> list[str]:
    """What the depths are called."""
    return [step.layer for step in steps]


def _depth_words(steps: Sequence[Step], number: int, mode: str) -> str:
    """What is shown at a depth, in words."""
    step = steps[number]
    if mode != "cascading" or number < 2:
        return step.layer
    return f"{steps[1].layer} to {step.layer}"


def _tile(
    sweep: SweepResults,
    step: Step,
    choice: Choice,
    number: int,
    display: Display,
    measure: str,
    problem: str,
) -> dict[str, Any]:
    key = sweep.inquiry.keys[step][choice.id, number]
    facts = sweep.facts.get(key)
    if facts is None:
        return {"note": problem, "problem": True} if problem else {"waiting": True, "note": "…"}
    if facts[PROBLEM]:
        return {"note": facts[PROBLEM], "problem": True}
    height, width = sweep.inquiry.size
    score = sweep.score(key, measure, display.show)
    words = ["undefined" if np.isnan(score) else f"{score:.2f}"]
    words += filter(None, [COLLAPSED.get(sweep.collapse(step, choice.id, number), "")])
    return {
        "map": address(key, (height, width), display.show, display.clip),
        "planes": 1,
        "height": height,
        "width": width,
        "scale": None,
        "note": " · ".join(words),
    }
