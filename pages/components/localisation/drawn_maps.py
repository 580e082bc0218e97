"""Maps with everything that is measured drawn into them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components import alt_text
from pages.components.classified import ClassifiedImage
from xai_core.display import Display
from xai_core.explainers.choices import column_title
from xai_core.localization.marks import KEY, marked
from xai_core.localization.objects import Objects

ACROSS = 3
SIDE = 360  # pixels of a map


def show(image: ClassifiedImage, maps: Mapping[str, NDArray[Any]], objects: Objects) -> None:
    """A picture for each map [C, h, w], by its column."""
    st.caption(KEY)
    columns = st.columns(ACROSS)
    for number, (column, relevance) in enumerate(maps.items()):
        drawn, said = _drawn(image, relevance, objects)
        alt_text.image(
            drawn, f"{column_title(column)}: {said}", columns[number % ACROSS], caption=True
        )


def _drawn(
    image: ClassifiedImage, relevance: NDArray[Any], objects: Objects
) -> tuple[Image.Image, str]:
    crop = image.crop()
    small = crop.resize((SIDE, max(1, round(SIDE * image.aspect))))
    display = Display("positive", opacity=0.6)
    over = display.draw(display.values(relevance, image.pixels), small)
    return marked(over, relevance, objects)
