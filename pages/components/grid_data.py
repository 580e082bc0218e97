"""What the heatmap grid is told: titles, addresses and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pages.components import media
from pages.components.display import display_facts, picture_address, tile_map
from pages.components.scene import Scene, View
from pages.components.work import Work
from xai_core.cache import Result
from xai_core.display import Display
from xai_core.explainers import METHODS
from xai_core.explainers.choices import Choice, column_title, signed
from xai_core.jobs import Task


def grid_data(
    scene: Scene,
    choices: Sequence[Choice],
    orders: Mapping[tuple[str, str], Task],
    work: Work,
    display: Display,
) -> dict[str, Any]:
    """The data of ``heatmap_grid``: one row a picture, one column a choice."""
    return {
        "rows": [_row(scene, view) for view in scene.views],
        "columns": [_column(choice) for choice in choices],
        "tiles": [
            [
                _tile(choice, orders[view.picture.hash, choice.id].key, view, work, display)
                for choice in choices
            ]
            for view in scene.views
        ],
        "display": display_facts(display),
    }


def _row(scene: Scene, view: View) -> dict[str, Any]:
    name = scene.class_titles[view.target]
    return {
        "id": view.picture.hash,
        "title": view.picture.name,
        "picture": picture_address(view.key, view.crop),
        "aspect": view.crop.height / view.crop.width,
        "note": f"{name} {view.probabilities[view.target]:.1%}",
    }


def _column(choice: Choice) -> dict[str, str]:
    method = METHODS[choice.method]
    note = f"{method.shows} {method.warning}".strip()
    return {"id": choice.id, "title": column_title(choice.id), "note": note}


def _tile(choice: Choice, key: str, view: View, work: Work, display: Display) -> dict[str, Any]:
    if key in work.results:
        return _ready(choice, key, view, work.results[key], display)
    if key in work.problems:
        return {"note": work.problems[key], "problem": True}
    return {"note": "Waiting …", "waiting": True}


def _ready(
    choice: Choice, key: str, view: View, result: Result, display: Display
) -> dict[str, Any]:
    method = METHODS[choice.method]
    content, shape, scale = tile_map(
        key,
        result.arrays["relevance"],
        view.pixels,
        display.stage,
        display.show,
        display.clip,
    )
    words = [_time(result), "signed" if signed(choice) else "unsigned"]
    if not result.arrays["relevance"].any():
        words.append("empty: zero everywhere")
    elif scale == 0:
        words.append("nothing positive to show")
    if method.warning:
        words.append("⚠ see below")
    return {
        "map": media.publish(content),
        "planes": shape[0],
        "height": shape[1],
        "width": shape[2],
        "scale": scale,
        "note": " · ".join(words),
    }


def _time(result: Result) -> str:
    """What the method takes alone; marked where most of it served other methods too."""
    seconds, shared = result.facts["seconds"], result.facts["shared_seconds"]
    return f"{seconds:.2f} s shared" if 2 * shared > seconds else f"{seconds:.2f} s"
