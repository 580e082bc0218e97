"""Maps with everything that is measured drawn into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components import alt_text
from pages.components.classified import ClassifiedImage
from xai_core.display import Display
from xai_core.explainers.choices import column_title
from xai_core.localization.marks import marked
from xai_core.localization.objects import Objects
from xai_core.tasks import Subject

ACROSS = 3
SIDE = 360  # pixels of a map


def show(
    seen: Image.Image,
    pixels: NDArray[np.float32],
    maps: Mapping[str, NDArray[Any]],
    objects: Objects,
) -> None:
    """A picture for each map.

    Args:
        seen: what the model sees, for people.
        pixels: what the model gets, [3, H, W].
        maps: [C, h, w], by column.
        objects: where they should lie.
    """
    columns = st.columns(ACROSS)
    for number, (column, relevance) in enumerate(maps.items()):
        drawn, said = drawn_map(seen, pixels, relevance, objects)
        alt_text.image(
            drawn, f"{column_title(column)}: {said}", columns[number % ACROSS], caption=True
        )


def drawn_map(
    seen: Image.Image, pixels: NDArray[np.float32], relevance: NDArray[Any], objects: Objects
) -> tuple[Image.Image, str]:
    """A map with its marks, and what they say in words; the arguments are those of ``show``."""
    display = Display("positive", opacity=0.6)
    over = display.draw(display.values(relevance, pixels), seen)
    return marked(over, relevance, objects)


def crop_of(image: ClassifiedImage) -> Image.Image:
    """What the model sees of a picture of the page."""
    return image.crop().resize((SIDE, max(1, round(SIDE * image.aspect))))


def seen_of(subject: Subject) -> Image.Image:
    """What the model sees of a picture of which only that is at hand."""
    bytes_ = np.rint(255 * subject.pixels).astype(np.uint8).transpose(1, 2, 0)
    height, width = bytes_.shape[:2]
    size = SIDE, max(1, round(SIDE * height / width))
    return Image.fromarray(np.ascontiguousarray(bytes_)).resize(size, Image.Resampling.BICUBIC)
