"""What the heatmap grid is told: titles, addresses and notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pages.components import media
from pages.components.classified import Classified, ClassifiedImage
from pages.components.display_controls import display_facts, picture_address, tile_map
from pages.components.work import Work
from xai_core.cache import Result
from xai_core.display import Display
from xai_core.explainers import method
from xai_core.explainers.choices import Choice, column_title, signed
from xai_core.explainers.lrp import PRESETS
from xai_core.heatmaps import cancelling
from xai_core.jobs import Task
from xai_core.own_maps import is_own

# Methods whose relevance adds up to the score, and from where on nothing is a share of it.
SHARING_OUT = {"lrp_alpha_beta", *PRESETS}
CANCELS = 100.0


def grid_data(
    classified: Classified,
    choices: Sequence[Choice],
    asked: Mapping[tuple[str, str], Task],
    work: Work,
    display: Display,
) -> dict[str, Any]:
    """The data of ``heatmap_grid``: one row a picture, one column a choice."""
    own, shared = told_once([_column_words(choice) for choice in choices])
    return {
        "rows": [_row(classified, image) for image in classified.images],
        "columns": [
            grid_column(choice, " · ".join(words), method(choice.method).warning)
            for choice, words in zip(choices, own, strict=True)
        ],
        "shared": f"All maps: {' · '.join(shared)}." if shared else "",
        "tiles": [
            [
                tile(choice, asked[image.picture.hash, choice.id].key, image, work, display)
                for choice in choices
            ]
            for image in classified.images
        ],
        "display": display_facts(display),
    }


def _row(classified: Classified, image: ClassifiedImage) -> dict[str, Any]:
    return grid_row(image, classified.named(image))


def grid_row(image: ClassifiedImage, note: str) -> dict[str, Any]:
    """A row of ``heatmap_grid``: a picture with a note."""
    return {
        "id": image.picture.hash,
        "title": image.picture.name,
        "picture": picture_address(image.key, image.crop),
        "aspect": image.aspect,
        "note": note,
    }


def grid_column(choice: Choice, words: str = "", warning: str = "") -> dict[str, str]:
    """A column of ``heatmap_grid``: a method.

    Args:
        choice: the method.
        words: what all of its maps share.
        warning: beside what the method shows.
    """
    note = f"{method(choice.method).shows} {warning}".strip()
    return {"id": choice.id, "title": column_title(choice.id), "note": note, "words": words}


def told_once(columns: Sequence[Sequence[str]]) -> tuple[list[list[str]], list[str]]:
    """What is said of each column, without what is said of all, and that."""
    shared = [word for word in columns[0] if all(word in own for own in columns)]
    if len(columns) == 1:
        shared = []
    return [[word for word in own if word not in shared] for own in columns], shared


def _column_words(choice: Choice) -> list[str]:
    words = ["signed" if signed(choice) else "unsigned"]
    return [*words, "⚠ see the notes"] if method(choice.method).warning else words


def tile(
    choice: Choice, key: str, image: ClassifiedImage, work: Work, display: Display
) -> dict[str, Any]:
    """A tile of ``heatmap_grid``: the map of a task's key, or why there is none yet."""
    if key in work.results:
        return _ready(choice, key, image, work.results[key], display)
    if key in work.problems:
        return {"note": work.problems[key], "problem": True}
    return {"note": "Waiting …", "waiting": True}


def _ready(
    choice: Choice, key: str, image: ClassifiedImage, result: Result, display: Display
) -> dict[str, Any]:
    content, shape, scale = tile_map(
        key,
        result.arrays["relevance"],
        image.pixels,
        display.stage,
        display.show,
        display.clip,
    )
    words, said = [], ""
    if not result.arrays["relevance"].any():
        words.append("empty")
        said = "zero everywhere"
    elif scale == 0:
        words.append("nothing positive")
    if choice.method in SHARING_OUT:
        parts = cancelling(result.arrays["relevance"])
        if parts > CANCELS:
            words.append("⚠ exploded")
            said = f"its parts are {parts:.0e} times their sum"
    if not is_own(choice.method):
        words.append(_time(result))
    return {
        "map": media.publish(content),
        "planes": shape[0],
        "height": shape[1],
        "width": shape[2],
        "scale": scale,
        "note": " · ".join(words),
        "said": said,
    }


def _time(result: Result) -> str:
    """What the method takes alone; marked where most of it served other methods too."""
    seconds, shared = result.facts["seconds"], result.facts["shared_seconds"]
    return f"{seconds:.2f} s shared" if 2 * shared > seconds else f"{seconds:.2f} s"
