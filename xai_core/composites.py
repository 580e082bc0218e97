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


def composite(
    pictures: Sequence[Picture],
    input_size: Size,
    crop: float,
    resample: str = "bilinear",
    squash: bool = False,
) -> NDArray[np.float32]:
    """Two pictures side by side, or four in a square, row by row.

    Each is resized and cropped into its cell as ``model_input`` does it for a whole input: of two
    side by side in a square input the middle half of each picture's width is left.

    Args:
        pictures: two or four.
        input_size: (height, width) of the model input.
        crop: as in ``model_input``, as are the others.
        resample: likewise.
        squash: likewise.

    Returns:
        float32 [3, height, width] in [0, 1].

    Raises:
        ImageError: another number of pictures, or as ``model_input``.
    """
    whole = np.zeros((3, *input_size), np.float32)
    for picture, (rows, columns) in zip(pictures, _cells(len(pictures), input_size), strict=True):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        whole[:, rows, columns] = model_input(picture, size, crop, resample, squash)
    return whole


def parts(count: int, input_size: Size) -> NDArray[np.bool_]:
    """Which pixels of a composite come of which picture: bool [count, height, width]."""
    masks = np.zeros((count, *input_size), bool)
    for mask, cell in zip(masks, _cells(count, input_size), strict=True):
        mask[cell] = True
    return masks


def drawn(
    pictures: Sequence[Picture],
    input_size: Size,
    crop: float,
    squash: bool = False,
    enlarged: int = 1,
) -> Image.Image:
    """What the model sees of a composite, so many times as large, for people to look at."""
    height, width = input_size
    canvas = Image.new("RGB", (enlarged * width, enlarged * height))
    for picture, (rows, columns) in zip(pictures, _cells(len(pictures), input_size), strict=True):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        seen = visible_crop(picture, size, crop, squash)
        place = (enlarged * columns.start, enlarged * rows.start)
        canvas.paste(seen.resize((enlarged * size[1], enlarged * size[0])), place)
    return canvas


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
    _check_even(input_size[1])
    return composite([left, right], input_size, crop, resample)


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
    _check_even(*input_size)
    return composite(pictures, input_size, crop, resample, squash)


def half_masks(input_size: Size) -> NDArray[np.bool_]:
    """The left and the right half of an input, bool [2, H, W].

    Raises:
        ImageError: an odd width.
    """
    _check_even(input_size[1])
    return parts(2, input_size)


def quadrant_masks(input_size: Size) -> NDArray[np.bool_]:
    """The quadrants of an input in the order of ``QUADRANTS``, bool [4, H, W].

    Raises:
        ImageError: an odd side.
    """
    _check_even(*input_size)
    return parts(len(QUADRANTS), input_size)


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


def _check_even(*sides: int) -> None:
    for side in sides:
        if side % 2:
            raise ImageError(
                f"A composite needs sides that can be halved; {side} pixels of the model's input "
                "are odd."
            )


def _cells(count: int, size: Size) -> list[tuple[slice, slice]]:
    """Rows and columns of every picture's cell; of an odd side the first half is the smaller."""
    height, width = size
    columns = [slice(0, width // 2), slice(width // 2, width)]
    if count == 2:
        rows = [slice(0, height)]
    elif count == 4:
        rows = [slice(0, height // 2), slice(height // 2, height)]
    else:
        raise ImageError(f"Two or four pictures can be put together, not {count}.")
    return [(row, column) for row in rows for column in columns]
