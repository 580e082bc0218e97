"""Small pictures and maps as people see them on this page."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components import media
from xai_core.colormaps import colour
from xai_core.display import Display

SIDE = 256  # pixels that a drawn picture has at least
SHOWN = 140  # pixels of the page that it takes, so that three stand in a row
ROW = 84  # pixels of a table's row with a map in it
COLOURS = "viridis"


def picture(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values [3, H, W], of which those outside [0, 1] are drawn as its ends."""
    return _enlarged(_as_bytes(values.clip(0, 1)))


def map_picture(map_: NDArray[Any]) -> NDArray[np.uint8]:
    """A map in [0, 1], [C, H, W], in colours; three channels as red, green and blue."""
    return _enlarged(_coloured(map_))


def staged(relevance: NDArray[Any], pixels: NDArray[Any], stage: str) -> NDArray[np.float64]:
    """The map that is measured, [C, H, W] in [0, 1].

    Args:
        relevance: raw, [C, h, w].
        pixels: what the model sees, [3, H, W] in [0, 1].
        stage: of ``heatmaps.STAGES``.
    """
    return Display(stage=stage).values(relevance, pixels)


@st.cache_data(max_entries=2000, show_spinner=False)
def _map_file(
    key: str, stage: str, _relevance: NDArray[np.float32], _pixels: NDArray[np.float32]
) -> bytes:
    drawn = Image.fromarray(_coloured(staged(_relevance, _pixels, stage)))
    drawn.thumbnail((2 * ROW, 2 * ROW))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    return buffer.getvalue()


def map_address(
    key: str, stage: str, relevance: NDArray[np.float32], pixels: NDArray[np.float32]
) -> str:
    """Where the browser finds a small picture of the map at a stage, of the result ``key``."""
    return media.publish(_map_file(key, stage, relevance, pixels), "image/png")


def _coloured(map_: NDArray[Any]) -> NDArray[np.uint8]:
    if len(map_) == 3:
        return _as_bytes(map_)
    return colour(map_[0].astype(np.float64), COLOURS)


def _as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Values [3, H, W] in [0, 1] as pixels [H, W, 3]."""
    pixels: NDArray[np.uint8] = np.rint(255 * values).astype(np.uint8).transpose(1, 2, 0)
    return pixels


def _enlarged(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """[H, W, 3] with every pixel repeated until it is large enough to be seen."""
    times = max(1, -(-SIDE // min(pixels.shape[:2])))
    return pixels.repeat(times, 0).repeat(times, 1)
