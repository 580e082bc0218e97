"""The grids: a row of maps for each class, and where the first two differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components import media
from pages.components.classified import ClassifiedImage
from pages.components.compare.grid_data import grid_column, grid_row, tile
from pages.components.display_controls import FULL, display_facts
from pages.components.work import Work
from xai_core.display import Display
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task

Asked = Mapping[tuple[int, str], Task]  # by class and column


def grid(
    image: ClassifiedImage,
    titles: Mapping[int, str],
    choices: Sequence[Choice],
    asked: Asked,
    work: Work,
    display: Display,
) -> dict[str, Any]:
    """The data of ``heatmap_grid``: one row a class.

    Args:
        image: the picture.
        titles: what people read of each class, by its index, in the order of the rows.
        choices: the methods.
        asked: what makes the maps.
        work: what is known of them.
        display: how they are shown.
    """
    rows = []
    for index, title in titles.items():
        row = grid_row(image, f"{image.probabilities[index]:.1%}")
        rows.append({**row, "id": str(index), "title": title})
    tiles = [
        [tile(choice, asked[index, choice.id].key, image, work, display) for choice in choices]
        for index in titles
    ]
    return _data(rows, choices, tiles, display_facts(display))


def differences(
    image: ClassifiedImage,
    titles: Mapping[int, str],
    choices: Sequence[Choice],
    asked: Asked,
    work: Work,
    display: Display,
) -> dict[str, Any]:
    """The same with one row: half of what is left of the first class's map without the second's."""
    (a, first), (b, second) = list(titles.items())[:2]
    both = Display(opacity=display.opacity)
    row = {**grid_row(image, ""), "id": f"{a} {b}", "title": f"{first} − {second}"}
    tiles = [
        _tile([asked[index, choice.id].key for index in (a, b)], image, work, display)
        for choice in choices
    ]
    facts = {**display_facts(both), "bar": [f"only {second}", f"only {first}"]}
    return _data([row], choices, [tiles], facts)


def _data(
    rows: Sequence[Mapping[str, Any]],
    choices: Sequence[Choice],
    tiles: Sequence[Sequence[Mapping[str, Any]]],
    display: Mapping[str, Any],
) -> dict[str, Any]:
    columns = [grid_column(choice) for choice in choices]
    return {"rows": rows, "columns": columns, "shared": "", "tiles": tiles, "display": display}


def _tile(
    keys: Sequence[str], image: ClassifiedImage, work: Work, display: Display
) -> dict[str, Any]:
    if any(key in work.problems for key in keys):
        return {"note": "There is no difference without both maps.", "problem": True}
    if any(key not in work.results for key in keys):
        return {"note": "Waiting …", "waiting": True}
    first, second = (work.results[key].arrays["relevance"] for key in keys)
    key = " ".join(keys)
    content, same = _difference(key, first, second, image.pixels, display.show, display.clip)
    height, width = image.pixels.shape[1:]
    return {
        "map": media.publish(content),
        "planes": 1,
        "height": height,
        "width": width,
        "scale": None,
        "note": "no difference" if same else "",
    }


@st.cache_data(max_entries=500, show_spinner=False)
def _difference(
    keys: str,
    _first: NDArray[np.float32],
    _second: NDArray[np.float32],
    _pixels: NDArray[np.float32],
    show: str,
    clip: float | None,
) -> tuple[bytes, bool]:
    """Half the difference of two maps as they are shown, int16 [1, H, W]; whether there is none."""
    display = Display(show, clip)
    values = (display.values(_first, _pixels) - display.values(_second, _pixels)) / 2
    return np.rint(values * FULL).astype("<i2").tobytes(), not values.any()
