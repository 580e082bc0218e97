"""A picture on which a visitor marks regions: by pointer, touch and keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components import media, modules
from pages.components.region_drawing.regions import (
    MOST_POINTS,
    MOST_REGIONS,
    Box,
    Outline,
    Region,
    checked,
)
from pages.components.text import errors_shown
from xai_core.errors import DataError

__all__ = ["Box", "Outline", "Region", "checked", "draw_regions", "put_regions"]

HERE = Path(__file__).parent
HTML = (HERE / "drawing.html").read_text(encoding="utf-8")
CSS = (HERE / "drawing.css").read_text(encoding="utf-8")


def draw_regions(
    picture: str | bytes,
    size: tuple[int, int],
    regions: Sequence[Region],
    *,
    label: str,
    key: str,
    crop: tuple[float, float, float, float] | None = None,
) -> list[Region]:
    """Show a picture to draw on.

    A page gives either always what is there at first, or what it got in the run before: both leave
    what is drawn. Any other list replaces it, as a picture of another content does. A list that was
    given before can be set again by ``put_regions``. What is replaced while the picture stays, the
    visitor can bring back by Undo.

    Args:
        picture: its address, or a PNG file.
        size: its width and height in pixels, in which regions are told.
        regions: what is there at first.
        label: what is to be drawn, for who hears it.
        key: name of this drawing on its page.
        crop: the part that the model sees (x0, y0, x1, y1); the rest is dimmed.

    Returns:
        What is drawn, when a gesture has ended.

    Raises:
        DataError: where ``checked`` refuses ``regions``.
    """
    address = media.publish(picture, "image/png") if isinstance(picture, bytes) else picture
    drawing = _drawing(key, sha256(address.encode()).hexdigest(), checked(regions, size))
    _take(drawing, getattr(st.session_state.get(key), "drawn", None), size)
    data = {
        "address": address,
        "size": list(size),
        "label": label,
        "crop": None if crop is None else list(crop),
        "most": {"regions": MOST_REGIONS, "points": MOST_POINTS},
        **{name: drawing[name] for name in ("picture", "put", "regions")},
    }
    # The page reads what is drawn when it runs; Streamlit wants a callback all the same.
    given: dict[str, Any] = {"default": {"drawn": None}, "on_drawn_change": lambda: None}
    made = modules.show("region_drawing", "drawing.js", HTML, CSS, data, key, **given)
    _take(drawing, made.drawn, size)  # in the first run of a new server it is not known before
    return deepcopy(drawing["regions"])


def put_regions(key: str, regions: Sequence[Region], size: tuple[int, int]) -> None:
    """Replace what is drawn when it is drawn next, as an upload or an undo of the page's own does.

    Args:
        key: name of the drawing.
        regions: what is there then.
        size: width and height of the picture.

    Raises:
        DataError: where ``checked`` refuses them.
    """
    st.session_state[_asked(key)] = checked(regions, size)


def _asked(key: str) -> str:
    return f"_regions-put {key}"


def _drawing(key: str, picture: str, given: list[Region]) -> dict[str, Any]:
    """What is known of a drawing: ``put`` counts how often Python has set its regions."""
    first: dict[str, Any] = {"picture": None, "put": 0, "given": None, "regions": [], "told": None}
    drawing: dict[str, Any] = st.session_state.setdefault(f"_regions {key}", first)
    asked = st.session_state.pop(_asked(key), None)
    if asked is not None:
        drawing.update(put=drawing["put"] + 1, regions=asked)
    elif drawing["picture"] != picture or given not in (drawing["given"], drawing["regions"]):
        drawing.update(put=drawing["put"] + 1, regions=given)
    drawing.update(picture=picture, given=given)
    return drawing


def _take(drawing: dict[str, Any], told: Mapping[str, Any] | None, size: tuple[int, int]) -> None:
    """Take what the browser tells, unless Python has set something since.

    A browser that was there before the server counts from where it was.
    """
    if told is None or told == drawing["told"]:
        return
    drawing["told"] = told
    with errors_shown(DataError):
        match told:
            case {"picture": str(picture), "put": int(put), "regions": regions}:
                if picture == drawing["picture"] and put >= drawing["put"]:
                    drawing.update(regions=checked(regions, size), put=put)
            case _:
                raise DataError("The drawing could not be read. Reload the page.")
