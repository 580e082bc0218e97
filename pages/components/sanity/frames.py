"""What the grid of a sanity check is told: every method at every depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components.display import display_facts, picture_address
from pages.components.sanity.ledger import Ledger
from pages.components.sanity.maps import address
from pages.components.scene import Scene, View
from pages.components.work import Work
from xai_core.display import Display
from xai_core.explainers import METHODS
from xai_core.explainers.choices import Choice, column_title
from xai_core.measures import MEASURES
from xai_core.randomization.steps import Step
from xai_core.randomization.stored_maps import PROBLEM
from xai_core.randomization.targets import PREDICTED, target_of
from xai_core.tasks import Inquiry

ASKED = "_depth-asked"  # in the session: how often Python moved the slider


def frames(
    scene: Scene, ledger: Ledger, work: Work, display: Display, measure: str, seed: int, depth: int
) -> dict[str, Any]:
    """The data of ``heatmap_grid``, with one frame a depth.

    Args:
        scene: the model and the pictures.
        ledger: what is known.
        work: what is under way.
        display: how maps are drawn.
        measure: whose score stands under each map.
        seed: whose networks are shown.
        depth: where the slider should be.
    """
    inquiry = ledger.inquiry
    steps = shown(inquiry, seed)
    title = MEASURES[measure].title
    problems = [ledger.problem(step, work) for step in steps]
    return {
        "rows": [_row(scene, view) for view in scene.views],
        "columns": [_column(choice) for choice in inquiry.choices],
        "tiles": [
            [
                {
                    "frames": [
                        _tile(ledger, step, choice, view, display, measure, title, problem)
                        for step, problem in zip(steps, problems, strict=True)
                    ]
                }
                for choice in inquiry.choices
            ]
            for view in scene.views
        ],
        "display": display_facts(display),
        "frames": [_spoken(steps, number, inquiry.test.mode) for number in range(len(steps))],
        "frameTicks": labels(steps),
        "frame": depth,
        "frameAsked": st.session_state.get(ASKED, 0),
        "frameTitle": "Randomised:",
    }


def shown(inquiry: Inquiry, seed: int) -> list[Step]:
    """The networks under the slider: the trained one, and those of one seed by their depth."""
    return [s for s in inquiry.steps if s.depth == 0 or (s.depth > 0 and s.seed == seed)]


def labels(steps: Sequence[Step]) -> list[str]:
    """What the depths are called."""
    return [step.layer for step in steps]


def _spoken(steps: Sequence[Step], number: int, mode: str) -> str:
    """What is shown at a depth, in words."""
    step = steps[number]
    if mode != "cascading" or number < 2:
        return step.layer
    return f"{steps[1].layer} to {step.layer}"


def _row(scene: Scene, view: View) -> dict[str, Any]:
    return {
        "id": view.picture.hash,
        "title": view.picture.name,
        "picture": picture_address(view.key, view.crop),
        "aspect": view.crop.height / view.crop.width,
        "note": scene.class_titles[view.target],
    }


def _column(choice: Choice) -> dict[str, str]:
    method = METHODS[choice.method]
    return {"id": choice.id, "title": column_title(choice.id), "note": method.shows}


def _tile(
    ledger: Ledger,
    step: Step,
    choice: Choice,
    view: View,
    display: Display,
    measure: str,
    title: str,
    problem: str,
) -> dict[str, Any]:
    key = ledger.inquiry.keys[step][choice.id, view.picture.hash]
    facts = ledger.facts.get(key)
    if facts is None:
        return {"note": problem, "problem": True} if problem else {"waiting": True, "note": "…"}
    if facts[PROBLEM]:
        return {"note": facts[PROBLEM], "problem": True}
    height, width = ledger.inquiry.size
    score = ledger.score(key, measure, display.show)
    told = "undefined: empty" if score != score else f"{score:.2f}"
    if step.depth and target_of(choice, ledger.inquiry.target) == PREDICTED:
        told += ", of the class it predicts"
    return {
        "map": address(key, (height, width), display.show, display.clip),
        "planes": 1,
        "height": height,
        "width": width,
        "scale": None,
        "note": f"{title} {told}",
    }
