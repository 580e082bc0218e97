"""How the maps are shown; nothing here computes an explanation again."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components import media
from pages.components.select_controls import segments, select_box
from xai_core.colormaps import COLORMAPS, colour
from xai_core.display import SIGNED, Display

STAGE_TITLES = {
    SIGNED: "Signed sum of channels",
    "channels": "Channels",
    "map": "Sum of channels",
    "map*image": "Sum of channels × image",
}
SHOW_TITLES = {"all": "All", "positive": "Positive", "absolute": "Absolute"}
CLIPS = (95.0, 98.0, 99.0, 99.5, 99.9, 100.0)
TABLE = 257  # odd, so that a diverging map's zero has an entry of its own
FULL = 32767  # the int16 that stands for 1
LARGEST_SIDE = 900


def choose_display(row: Any, signed_only: bool = False) -> Display:
    """The display controls.

    Args:
        row: where they go.
        signed_only: whether there is no choice of stage, because signed sums are compared.
    """
    show = segments(
        row,
        "Show",
        SHOW_TITLES,
        "show",
        label_visibility="collapsed",
        help="All: evidence for (positive) and against (negative) the class. "
        "Positive: only what speaks for it. Absolute: how much, whatever the sign, summed over "
        "the three colours.",
    )
    over = row.toggle("Over the picture", key="overlay", bind="query-params")
    opacity = row.slider(
        "Opacity",
        0.0,
        1.0,
        0.6,
        0.05,
        key="opacity",
        bind="query-params",
        disabled=not over,
        label_visibility="collapsed",
        width=180,
    )
    with row.popover("Display", icon=":material/palette:"):
        stage = SIGNED if signed_only else _choose_stage()
        clip = st.select_slider(
            "Saturate the colours from this percentile",
            CLIPS,
            value=CLIPS[-1],
            key="clip",
            bind="query-params",
            disabled=stage != SIGNED,
        )
        diverging = Display(show, stage=stage).signed
        kind = "diverging" if diverging else "sequential"
        colours = select_box(st, "Colours", colour_titles(diverging), kind)
    clipped = clip if clip < CLIPS[-1] else None
    return Display(show, clipped, colours, opacity if over else 1.0, "nearest", stage)


def _choose_stage() -> str:
    return select_box(
        st,
        "Stage",
        STAGE_TITLES,
        "stage",
        help="The signed sum is what is usually drawn. The others are the unsigned stages, "
        "clamped at their 99th percentile, that the APEM metric measures.",
    )


def colour_titles(diverging: bool) -> dict[str, str]:
    """The colour maps for maps with both signs, or for those with one, by their titles."""
    return {name: row.title for name, row in COLORMAPS.items() if row.diverging == diverging}


def display_facts(display: Display) -> dict[str, Any]:
    """What the grid needs to draw: the colour table and the settings."""
    low = -1.0 if display.signed else 0.0
    table = colour(np.linspace(low, 1, TABLE)[None], display.colormap)[0]
    return {
        "lut": base64.b64encode(table.tobytes()).decode(),
        "colours": display.colormap,
        "diverging": display.signed,
        "opacity": display.opacity,
        "bar": ["−1 against", "for +1"] if display.signed else ["0", "1"],
        "bar_shown": display.stage not in ("channels", "map*image"),  # those have colours
    }


@st.cache_data(max_entries=2000, show_spinner=False)
def tile_map(
    key: str,
    _relevance: NDArray[np.float32],
    _pixels: NDArray[np.float32],
    stage: str,
    show: str,
    clip: float | None,
) -> tuple[bytes, tuple[int, ...], float | None]:
    """The map of result ``key`` for the browser: int16 [planes, H, W], its shape and scale."""
    display = Display(show, clip, stage=stage)
    values = display.values(_relevance, _pixels)
    content = np.rint(values * FULL).astype("<i2").tobytes()
    return content, values.shape, display.scale(_relevance, _pixels)


@st.cache_data(max_entries=200, show_spinner=False)
def _picture_file(key: str, _read: Callable[[], Image.Image]) -> bytes:
    small = _read().copy()
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def picture_address(key: str, read: Callable[[], Image.Image]) -> str:
    """Where the browser finds the picture of that key, which ``read`` gives."""
    return media.publish(_picture_file(key, read), "image/jpeg")
