"""Pictures that hold two classes or four, made of pictures that hold one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xai_core.composites import Size, composite, parts
from xai_core.errors import ImageError
from xai_core.images import Picture

SIDE, CROSS, GRID = "side-by-side", "crosswise", "2x2"
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
    """A model input made of several pictures, as ``composite``.

    Args:
        pictures: as many as the way needs: two, or four for "2x2".
        way: a key of ``ORDERS``.
        input_size: as in ``composite``, as are the others.
        crop: likewise.
        resample: likewise.
        squash: likewise.

    Raises:
        ImageError: an unknown way, or another number of pictures.
    """
    cells = [pictures[k] for k in _order(way, len(pictures))]
    return composite(cells, input_size, crop, resample, squash)


def joined_parts(way: str, input_size: Size) -> NDArray[np.bool_]:
    """Which pixels come of which picture: bool [P, height, width]."""
    order = np.array(ORDERS[way])
    cells = parts(len(order), input_size)
    return np.stack([cells[order == k].any(0) for k in range(order.max() + 1)])


def _order(way: str, count: int) -> Sequence[int]:
    if way not in ORDERS:
        raise ImageError(f"Pictures are put together {', '.join(ORDERS)}, not '{way}'.")
    if count != max(ORDERS[way]) + 1:
        raise ImageError(f"“{way}” needs {max(ORDERS[way]) + 1} pictures, not {count}.")
    return ORDERS[way]
