"""How the maps are shown; nothing here computes an explanation again."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components import media
from xai_core.colormaps import COLORMAPS, colour
from xai_core.export import Explanation
from xai_core.heatmaps import STAGES, relevance_map, signed_map, upsample

SIGNED = "signed"
STAGE_TITLES = {
    SIGNED: "Sum of channels",
    "channels": "Channels, clamped",
    "map": "Sum of channels, clamped",
    "map*image": "Sum of channels × image",
}
SHOW_TITLES = {"all": "All", "positive": "Positive", "absolute": "Absolute"}
CLIPS = (95.0, 98.0, 99.0, 99.5, 99.9, 100.0)
TABLE = 257  # odd, so that a diverging map's zero has an entry of its own
FULL = 32767  # the int16 that stands for 1
LARGEST_SIDE = 900


@dataclass(frozen=True)
class Display:
    """Choices of the display controls; see ``choose_display``."""

    stage: str
    show: str
    colours: str
    clip: float
    overlay: bool
    opacity: float

    @property
    def diverging(self) -> bool:
        """Whether zero is drawn in the middle of the colours."""
        return COLORMAPS[self.colours].diverging


def choose_display() -> Display:
    """The row of display controls."""
    first, second, third, fourth = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    show = (
        first.segmented_control(
            "Show",
            list(SHOW_TITLES),
            default="all",
            format_func=SHOW_TITLES.__getitem__,
            key="show",
            bind="query-params",
            help="All: evidence for (positive) and against (negative) the class. "
            "Positive: only what speaks for it. Absolute: how much, whatever the sign.",
        )
        or "all"
    )
    overlay = second.toggle(
        "Over the picture", value=False, key="overlay", bind="query-params"
    )
    opacity = third.slider(
        "Opacity", 0.0, 1.0, 0.6, 0.05, key="opacity", bind="query-params", disabled=not overlay
    )
    with fourth.popover("More", width="stretch"):
        stage = st.selectbox(
            "Stage",
            [SIGNED, *STAGES],
            format_func=STAGE_TITLES.__getitem__,
            key="stage",
            bind="query-params",
            help="The last three are the unsigned stages that the APEM metric measures.",
        )
        clip = st.select_slider(
            "Saturate the colours from this percentile",
            CLIPS,
            value=100.0,
            key="clip",
            bind="query-params",
            disabled=stage != SIGNED,
        )
        diverging = stage == SIGNED and show == "all"
        fitting = [name for name, entry in COLORMAPS.items() if entry.diverging == diverging]
        colours = st.selectbox(
            "Colours",
            fitting,
            format_func=lambda name: COLORMAPS[name].title,
            key="diverging" if diverging else "sequential",
            bind="query-params",
        )
    return Display(stage, show, colours, clip, overlay, opacity)


def display_facts(display: Display) -> dict[str, Any]:
    """What the grid needs to draw: the colour table and the settings."""
    low = -1.0 if display.diverging else 0.0
    table = colour(np.linspace(low, 1, TABLE)[None], display.colours)[0]
    bar = None if display.stage == "channels" else (f"{low:.0f}", "+1" if low else "1")
    return {
        "lut": base64.b64encode(table.tobytes()).decode(),
        "colours": display.colours,
        "diverging": display.diverging,
        "overlay": display.overlay,
        "opacity": display.opacity,
        "bar": bar,
    }


def shown_map(
    relevance: NDArray[np.float32], pixels: NDArray[np.float32], display: Display
) -> NDArray[np.float64]:
    """The map to draw, at the input's resolution.

    Args:
        relevance: [C, h, w].
        pixels: what the model sees, [3, H, W] in [0, 1].
        display: the choices.

    Returns:
        [planes, H, W]; three planes for the stage "channels" of a pixel method.
    """
    size = (pixels.shape[1], pixels.shape[2])
    full = upsample(relevance[None].astype(np.float64), size)
    if display.stage == SIGNED:
        return signed_map(full, display.show, display.clip)
    return relevance_map(full, display.stage, images=pixels[None].astype(np.float64))[0]


@st.cache_data(max_entries=2000, show_spinner=False)
def tile_map(
    key: str,
    _relevance: NDArray[np.float32],
    _pixels: NDArray[np.float32],
    stage: str,
    show: str,
    clip: float,
) -> tuple[bytes, int, int, int, bool]:
    """The map of result ``key`` as int16: bytes, planes, height, width, and whether it is empty."""
    display = Display(stage, show, "blue-red", clip, False, 1.0)
    values = shown_map(_relevance, _pixels, display)
    planes, height, width = values.shape
    content = np.rint(values * FULL).astype("<i2").tobytes()
    return content, planes, height, width, not values.any()


@st.cache_data(max_entries=200, show_spinner=False)
def picture_file(key: str, _picture: Image.Image) -> bytes:
    """The picture of hash ``key`` as the browser shows it."""
    small = _picture.copy()
    small.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def picture_address(key: str, picture: Image.Image) -> str:
    """Where the browser finds the picture."""
    return media.publish(picture_file(key, picture), "image/jpeg")


def drawn_maps(explanations: Sequence[Explanation], display: Display) -> NDArray[np.float32]:
    """The signed maps of one picture at the input's resolution, [M, H, W]."""
    largest = max((e.relevance.shape[1:] for e in explanations), key=lambda shape: shape[0])
    maps = [
        signed_map(upsample(e.relevance[None].astype(np.float64), largest), display.show, display.clip)
        for e in explanations
    ]
    return np.concatenate(maps).astype(np.float32)
