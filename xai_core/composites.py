"""Several pictures put together into one model input: two side by side, or four in a square."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.errors import ImageError
from xai_core.images import Picture, model_input, visible_crop

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
