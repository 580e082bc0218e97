"""Masks as PNG pictures.

Of a PNG with a palette, as PASCAL-VOC's, each colour's number is an object of its own, 0 is none,
and 255 is void: what belongs to nothing and is left out. Of any other PNG, what is not black is one
object. Such files name no classes.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.annotations.regions import Annotation, Mask, Region, checked_masks
from xai_core.decoding import MAX_BYTES, check_size
from xai_core.errors import DataError, ImageError
from xai_core.images import shown_name

VOID = 255
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# What Pillow raises on damaged files.
_DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, RuntimeError),
    *(MemoryError, OverflowError, struct.error, zlib.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def mask_png(data: bytes, name: str) -> Annotation:
    """Read a picture's mask.

    Args:
        data: the file.
        name: what errors call it.

    Raises:
        DataError: too large, damaged, no PNG, or one with transparency.
    """
    shown = f"'{shown_name(name)}'"
    values, palette = _values(data, shown)
    size = (values.shape[1], values.shape[0])
    if not palette:
        found = (Region(None, Mask(values != 0)),) if values.any() else ()
        return Annotation(size, found)
    indices = [int(index) for index in np.unique(values) if index not in (0, VOID)]
    checked_masks(len(indices), size, shown)
    return Annotation(
        size,
        tuple(Region(None, Mask(values == index), (f"colour {index}",)) for index in indices),
    )


def _values(data: bytes, shown: str) -> tuple[NDArray[np.generic], bool]:
    """Numbers [H, W], and whether they are those of a palette."""
    if not data.startswith(_SIGNATURE):
        raise DataError(f"{shown} is not a PNG file; a mask must be one.")
    if len(data) > MAX_BYTES:
        raise DataError(
            f"{shown} has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        check_size(image.size, shown)
        if image.mode in ("LA", "RGBA"):
            raise DataError(
                f"{shown} is a mask with transparency, so that its object cannot be told; save it "
                "without."
            )
        values: NDArray[np.generic] = np.asarray(image)
    except ImageError as error:
        raise DataError(str(error)) from error
    except _DAMAGE as error:
        raise DataError(f"{shown} is damaged or incomplete and cannot be read.") from error
    if values.ndim == 3:
        values = np.logical_or.reduce(values, axis=2)
    return values, image.mode == "P"
