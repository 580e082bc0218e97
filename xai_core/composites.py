"""Composites: what a model sees of two or four pictures, put together as one input. Needs no torch.

Each picture fills its part as ``images.model_input`` fills an input of that size. In a composite of
four, the parts have the input's proportions, so that each shows exactly what the model would see of
its picture, at half the resolution. A half beside another is narrower: of each picture it shows a
middle strip, undistorted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.errors import DataError, ImageError
from xai_core.images import Picture, model_input, visible_crop

QUADRANTS = ("upper left", "upper right", "lower left", "lower right")
DISTRACTORS = len(QUADRANTS) - 1

Size = tuple[int, int]


def side_by_side(
    left: Picture,
    right: Picture,
    input_size: Size,
    crop: float,
    resample: str = "bilinear",
) -> NDArray[np.float32]:
    """Two pictures beside each other, each cropped to a half and never squeezed.

    Args:
        left: RGB picture, or array as ``model_input`` takes it.
        right: the other.
        input_size: (height, width) of the model input; the width must be even.
        crop: as in ``model_input``.
        resample: as in ``model_input``.

    Returns:
        float32 [3, height, width] in [0, 1], as ``model_input`` gives it.

    Raises:
        ImageError: an odd width, or a picture that is none.
    """
    height, half = input_size[0], _half(input_size[1])
    parts = [model_input(picture, (height, half), crop, resample) for picture in (left, right)]
    return np.concatenate(parts, axis=2)


def two_by_two(
    pictures: Sequence[Picture],
    input_size: Size,
    crop: float,
    resample: str = "bilinear",
    squash: bool = False,
) -> NDArray[np.float32]:
    """Four pictures, each as the model sees it at half the resolution.

    Args:
        pictures: in the order of ``QUADRANTS``.
        input_size: (height, width) of the model input; both must be even.
        crop: as in ``model_input``.
        resample: as in ``model_input``.
        squash: as in ``model_input``.

    Returns:
        float32 [3, height, width] in [0, 1], as ``model_input`` gives it.

    Raises:
        ImageError: an odd side, not four pictures, or one that is none.
    """
    if len(pictures) != len(QUADRANTS):
        raise ImageError(f"A composite of 2 × 2 needs four pictures, not {len(pictures)}.")
    part = _half(input_size[0]), _half(input_size[1])
    a, b, c, d = (model_input(picture, part, crop, resample, squash) for picture in pictures)
    return np.concatenate([np.concatenate([a, b], 2), np.concatenate([c, d], 2)], 1)


def half_masks(input_size: Size) -> NDArray[np.bool_]:
    """The left and the right half of an input, bool [2, H, W].

    Raises:
        ImageError: an odd width.
    """
    right = np.arange(input_size[1]) >= _half(input_size[1])
    rows = np.ones((input_size[0], 1), bool)
    return np.stack([rows & ~right, rows & right])


def quadrant_masks(input_size: Size) -> NDArray[np.bool_]:
    """The quadrants of an input in the order of ``QUADRANTS``, bool [4, H, W].

    Raises:
        ImageError: an odd side.
    """
    lower = (np.arange(input_size[0]) >= _half(input_size[0]))[:, None]
    right = np.arange(input_size[1]) >= _half(input_size[1])
    return np.stack([~lower & ~right, ~lower & right, lower & ~right, lower & right])


def shown(
    pictures: Sequence[Picture],
    input_size: Size,
    crop: float,
    squash: bool = False,
    enlarged: int = 1,
) -> Image.Image:
    """A composite for people to look at, so many times as large as the model input.

    Args:
        pictures: two side by side, or four in the order of ``QUADRANTS``.
        input_size: as in ``two_by_two``, as are crop and squash.
        crop: likewise.
        squash: likewise; two side by side are never squeezed.
        enlarged: how many pixels a pixel of the input becomes, on each side.
    """
    height, width = input_size
    rows, columns = (1, 2) if len(pictures) == 2 else (2, 2)
    size = height // rows, width // columns
    whole = Image.new("RGB", (enlarged * width, enlarged * height))
    for place, picture in enumerate(pictures):
        part = visible_crop(picture, size, crop, squash and rows == 2)
        corner = (place % columns * size[1] * enlarged, place // columns * size[0] * enlarged)
        whole.paste(part.resize((enlarged * size[1], enlarged * size[0])), corner)
    return whole


@dataclass(frozen=True)
class Drawn:
    """The composite that explains one picture.

    Attributes:
        quadrant: where the picture is, index of ``QUADRANTS``.
        distractors: names of the pictures in the other quadrants, in their order.
    """

    quadrant: int
    distractors: tuple[str, ...]

    def names(self, name: str) -> tuple[str, ...]:
        """Names of all four pictures, in the order of ``QUADRANTS``.

        Args:
            name: of the picture that is explained.
        """
        return (*self.distractors[: self.quadrant], name, *self.distractors[self.quadrant :])


def drawn_quadrants(classes: Mapping[str, Hashable], seed: int) -> dict[str, Drawn]:
    """For every picture, by lot, its quadrant and three pictures of other classes.

    A lot is a hash of the seed and of names. A picture's quadrant depends on its own name alone;
    its distractors are those of the others that draw the lowest lots, whatever their order. A
    picture that comes or goes changes the composites that it is part of, and no others.

    Args:
        classes: class of each picture, by a name of its own, such as its hash.
        seed: of the lots.

    Raises:
        DataError: some picture has fewer than three of other classes.
    """
    names = list(classes)
    codes = {own: code for code, own in enumerate(dict.fromkeys(classes.values()))}
    kinds = np.array([codes[own] for own in classes.values()])
    numbers = np.array([_number(seed, name) for name in names], np.uint64)
    found = {}
    for place, name in enumerate(names):
        others = np.flatnonzero(kinds != kinds[place])
        if len(others) < DISTRACTORS:
            raise DataError(
                "A composite needs three pictures of other classes than the explained one; of "
                f"{len(names)} pictures, {len(others)} have another class than '{classes[name]}'."
            )
        lots = _mixed(numbers[place : place + 1], numbers[others])
        lowest = np.argpartition(lots, DISTRACTORS - 1)[:DISTRACTORS]
        chosen = others[lowest[np.argsort(lots[lowest])]]
        quadrant = int(numbers[place]) % len(QUADRANTS)
        found[name] = Drawn(quadrant, tuple(names[other] for other in chosen))
    return found


def _number(seed: int, name: str) -> int:
    """64 bits of a hash."""
    return int.from_bytes(hashlib.sha256(f"{seed} {name}".encode()).digest()[:8])


def _mixed(own: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number of 64 bits for each pair, by SplitMix64 (Steele, Lea and Flood 2014)."""
    z = own * np.uint64(0x9E3779B97F4A7C15) + others
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def _half(side: int) -> int:
    if side % 2:
        raise ImageError(
            f"A composite needs sides that can be halved; {side} pixels of the model's input "
            "are odd."
        )
    return side // 2
