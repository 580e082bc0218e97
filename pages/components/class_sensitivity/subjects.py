"""What the test is about: a picture, or several put together into one of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components.classified import Classified, ClassifiedImage, seen
from pages.components.live import wait_for
from pages.components.picture_choice import Picture
from pages.components.select_controls import select_box
from pages.components.text import told_apart
from xai_core import tasks
from xai_core.class_sensitivity.joined import (
    CROSS,
    GRID,
    ORDERS,
    SIDE,
    joined,
    joined_parts,
    joined_shown,
    needed,
    parts_of,
    possible,
)
from xai_core.images import image_hash

_TITLES = {
    SIDE: "Side by side: {0} | {1}",
    CROSS: "2×2, each twice: {0}, {1}",
    GRID: "2×2: {0}, {1}, {2}, {3}",
}
PLACES = {
    "": (),
    SIDE: ("Left:", "right:"),
    CROSS: ("Top left and bottom right:", "top right and bottom left:"),
    GRID: ("Top left:", "top right:", "bottom left:", "bottom right:"),
}


@dataclass(frozen=True)
class Looked:
    """What the maps explain.

    Attributes:
        image: in front of the model.
        areas: bool [P, H, W], where each of the pictures is; none of a single one.
        pictures: the P pictures, or the single one.
        joined: how they were put together, a key of ``ORDERS``; "" for a single picture.
    """

    image: ClassifiedImage
    areas: NDArray[np.bool_]
    pictures: Sequence[ClassifiedImage]
    joined: str = ""

    @property
    def places(self) -> Sequence[str]:
        """Where each of the pictures is, in words."""
        return PLACES[self.joined]

    def parts(self, classes: Sequence[int]) -> list[list[int]]:
        """Which of the pictures belong to each class; none where a single one is looked at."""
        return parts_of(classes, self.classes) if self.joined else []

    def shares(self, classes: Sequence[int]) -> list[float]:
        """How much of the whole belongs to each class that has a part in it.

        A map that is the same everywhere has so much of its relevance there.
        """
        return [float(self.areas[own].any(0).mean()) for own in self.parts(classes) if own]

    @property
    def classes(self) -> list[int]:
        """What the model predicts for each of the pictures, alone."""
        return [int(image.probabilities.argmax()) for image in self.pictures]


def choose(row: Any, classified: Classified) -> Looked:
    """One of the chosen pictures, or the first of them put together."""
    images = classified.images
    if len(images) == 1:
        return _single(images[0])
    names = told_apart([image.picture.name for image in images])
    size = seen(classified.facts)[0]
    ways = [way for way in ORDERS if len(images) >= needed(way) and possible(way, size)]
    offered = {way: _TITLES[way].format(*names) for way in ways}
    by_hash = {image.picture.hash: image for image in images}
    offered |= dict(zip(by_hash, names, strict=True))
    chosen = select_box(row, "Picture", offered, "of", width=340)
    return _joined(classified, chosen) if chosen in ways else _single(by_hash[chosen])


def _single(image: ClassifiedImage) -> Looked:
    return Looked(image, np.zeros((0, *image.pixels.shape[1:]), bool), [image])


def _joined(classified: Classified, way: str) -> Looked:
    """The first of the chosen pictures put together, and what the model says of that."""
    size = seen(classified.facts)[0]
    images = classified.images[: needed(way)]
    hashes = " ".join(image.picture.hash for image in images)
    pixels, whole = _made(hashes, [image.picture for image in images], way, *seen(classified.facts))
    names = [image.picture.name for image in images]
    source = f"{way} {' '.join(image.picture.source for image in images)}"
    picture = Picture(" | ".join(names), source, image_hash(whole), whole.size, lambda: whole)
    told = tasks.predict(*classified.loaded, [picture.hash], [pixels])
    said = wait_for("joined", told, "Predicting").arrays["probabilities"][0]
    image = ClassifiedImage(picture, (0, 0, *whole.size), pixels, said, int(said.argmax()))
    return Looked(image, joined_parts(way, size), images, way)


@st.cache_resource(max_entries=8, show_spinner=False)
def _made(
    hashes: str,
    _pictures: Sequence[Picture],
    way: str,
    size: tuple[int, int],
    crop: float,
    resample: str,
    squash: bool,
) -> tuple[NDArray[np.float32], Image.Image]:
    """What the model gets, and what people see."""
    pictures = [picture.read() for picture in _pictures]
    whole = joined_shown(pictures, way, size, crop, squash)
    return joined(pictures, way, size, crop, resample, squash), whole
