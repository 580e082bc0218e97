"""What the heatmap grid is told: titles, addresses and notes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pages.components import media
from pages.components.display import display_facts, picture_address, tile_map
from pages.components.scene import Scene, View
from pages.components.work import Work
from xai_core.cache import Result
from xai_core.display import Display
from xai_core.explainers import METHODS
from xai_core.jobs import Task


def grid_data(
    scene: Scene,
    settings: Mapping[str, Any],
    orders: Mapping[tuple[str, str], Task],
    work: Work,
    display: Display,
) -> dict[str, Any]:
    """The data of ``heatmap_grid``: one row a picture, one column a method."""
    return {
        "rows": [_row(scene, view) for view in scene.views],
        "columns": [_column(name) for name in settings],
        "tiles": [
            [
                _tile(name, orders[view.picture.hash, name].key, view, work, display)
                for name in settings
            ]
            for view in scene.views
        ],
        "display": display_facts(display),
    }


def _row(scene: Scene, view: View) -> dict[str, Any]:
    name = scene.class_names[view.target]
    return {
        "id": view.picture.hash,
        "title": view.picture.name,
        "picture": picture_address(view.key, view.crop),
        "aspect": view.crop.height / view.crop.width,
        "note": f"{name} {view.probabilities[view.target]:.1%}",
    }


def _column(name: str) -> dict[str, str]:
    method = METHODS[name]
    return {"id": name, "title": method.title, "note": f"{method.shows} {method.warning}".strip()}


def _tile(name: str, key: str, view: View, work: Work, display: Display) -> dict[str, Any]:
    if key in work.results:
        return _ready(name, key, view, work.results[key], display)
    if key in work.problems:
        return {"note": work.problems[key], "problem": True}
    return {"note": "Waiting …", "waiting": True}


def _ready(name: str, key: str, view: View, result: Result, display: Display) -> dict[str, Any]:
    method = METHODS[name]
    content, shape, scale = tile_map(
        key,
        result.arrays["relevance"],
        view.pixels,
        display.stage,
        display.show,
        display.clip,
    )
    words = [f"{result.facts['seconds']:.2f} s", "signed" if method.signed else "unsigned"]
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
