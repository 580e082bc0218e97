"""Pictures that hold two classes or four, made of pictures that hold one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.composites import (
    Size,
    half_masks,
    quadrant_masks,
    shown,
    side_by_side,
    two_by_two,
)
from xai_core.errors import ImageError
from xai_core.images import Picture

SIDE, CROSS, GRID = "side-by-side", "crosswise", "2x2"
LEAST_SHOWN = 448  # pixels
# Which picture comes into which cell. Crosswise, a map cannot be right by lying on one side.
ORDERS = {SIDE: (0, 1), CROSS: (0, 1, 1, 0), GRID: (0, 1, 2, 3)}


def joined(
    pictures: Sequence[Picture],
    way: str,
    input_size: Size,
    crop: float,
    resample: str = "bilinear",
    squash: bool = False,
) -> NDArray[np.float32]:
    """A model input made of several pictures.

    Args:
        pictures: as many as the way needs: two, or four for "2x2".
        way: a key of ``ORDERS``.
        input_size: as in ``composites.two_by_two``, as are the others.
        crop: likewise.
        resample: likewise.
        squash: likewise; two side by side are never squeezed.

    Raises:
        ImageError: an unknown way, another number of pictures, or as ``composites``.
    """
    if way not in ORDERS:
        raise ImageError(f"Pictures are put together {', '.join(ORDERS)}, not '{way}'.")
    if len(pictures) != needed(way):
        raise ImageError(f"'{way}' needs {needed(way)} pictures, not {len(pictures)}.")
    if way == SIDE:
        left, right = pictures
        return side_by_side(left, right, input_size, crop, resample)
    cells = [pictures[k] for k in ORDERS[way]]
    return two_by_two(cells, input_size, crop, resample, squash)


def joined_parts(way: str, input_size: Size) -> NDArray[np.bool_]:
    """Which pixels come of which picture: bool [P, height, width]."""
    cells = half_masks(input_size) if way == SIDE else quadrant_masks(input_size)
    order = np.array(ORDERS[way])
    return np.stack([cells[order == k].any(0) for k in range(needed(way))])


def joined_shown(
    pictures: Sequence[Picture], way: str, input_size: Size, crop: float, squash: bool = False
) -> Image.Image:
    """What ``joined`` makes, for people to look at, at least ``LEAST_SHOWN`` high and wide."""
    cells = [pictures[k] for k in ORDERS[way]]
    return shown(cells, input_size, crop, squash, -(-LEAST_SHOWN // min(input_size)))


def parts_of(classes: Sequence[int], alone: Sequence[int]) -> list[list[int]]:
    """Which of the joined pictures belong to each class.

    Args:
        classes: indices of those that are compared.
        alone: the class of each picture.
    """
    return [[place for place, own in enumerate(alone) if own == index] for index in classes]


def needed(way: str) -> int:
    """How many pictures are put together."""
    return max(ORDERS[way]) + 1


def possible(way: str, input_size: Size) -> bool:
    """Whether inputs of that size can be halved as the way needs it."""
    height, width = input_size
    return width % 2 == 0 and (way == SIDE or height % 2 == 0)
