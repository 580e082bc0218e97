"""Values of more than 8 bits: what they are shares of, and how they become 8 bits.

A file of 16 bits a value often holds fewer: cameras and microscopes give 12, and some programs
write 8. As shares of 65,535 such a picture is almost black. What the file declares decides: the
bits of a TIFF's samples, or its MaxSampleValue rounded up to whole bits; PNG's sBIT says that
values fill all 16 bits (PNG 11.3.2.7). Where nothing is declared, the largest value does: up to
255 are 8 bits, up to 4095 are 12, and anything above is 16. So a photograph that is merely dark
stays dark, unless all of it lies in the darkest sixteenth.
"""

from __future__ import annotations

import io
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.errors import ImageError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile, _Tile

FULL = 65535
LEVELS = (255, 4095, FULL)
_BITS, _PLANES, _LARGEST = 258, 284, (281, 341)  # TIFF's tags
_SEPARATE = 2
_OPPOSITE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


def declared_top(image: ImageFile, data: bytes) -> int:
    """The largest value that samples of more than 8 bits could have, by the file; 0 if unsaid.

    Args:
        image: as opened.
        data: its file.
    """
    if image.format == "PNG":
        return FULL if _has_chunk(data, b"sBIT") else 0
    tags = getattr(image, "tag_v2", None)
    if image.format != "TIFF" or tags is None:
        return 0
    bits = max(_numbers(tags.get(_BITS)), default=8)
    if 8 < bits < 16:
        return int(2**bits - 1)
    largest = max((n for tag in _LARGEST for n in _numbers(tags.get(tag))), default=0)
    return int(2 ** int(largest).bit_length() - 1) if 255 < largest < FULL else int(largest)


def load(image: ImageFile, data: bytes, top: int, shown: str) -> None:
    """Decode in place; colours of 16 bits that use few of them are scaled to 8 bits.

    Pillow keeps the upper byte of each colour, which is nothing where values are small. The
    lower byte is read as if the byte order were the other one.

    Args:
        image: as opened.
        data: its file.
        top: of ``declared_top``.
        shown: what a sentence calls the picture.

    Raises:
        ImageError: a TIFF with 16-bit colours in separate planes, which Pillow misreads.
    """
    tags = getattr(image, "tag_v2", None) or {}
    deep = max(_numbers(tags.get(_BITS)), default=8) > 8
    if image.format == "TIFF" and deep and tags.get(_PLANES) == _SEPARATE and image.mode != "I;16":
        raise ImageError(
            f"{shown} holds its colours in separate planes of 16 bits; save it with 8 bits."
        )
    lower = [_other_byte(tile) for tile in image.tile]
    image.load()
    if not lower or not all(lower):
        return
    upper = np.asarray(image).astype(np.uint16)
    if int(upper[..., :3].max()) << 8 > LEVELS[1]:
        return
    again = Image.open(io.BytesIO(data), formats=(str(image.format),))
    again.tile = [tile for tile in lower if tile is not None]
    values = upper << 8 | np.asarray(again)
    parts = [values[..., :3], values[..., 3:]]
    scaled = [_scaled(part, _top(part, top)) for part in parts if part.size]
    image.paste(Image.fromarray(np.concatenate(scaled, axis=2)))


def eight_bit_grey(image: Image.Image, shown: str, top: int = 0) -> Image.Image:
    """Deep greys as 8 bits: integers by their depth, reals as shares of 1.

    Args:
        image: of mode F, or one that begins with I.
        shown: what a sentence calls the picture.
        top: of ``declared_top``.

    Raises:
        ImageError: values out of range.
    """
    values = np.asarray(image).astype(np.float32)
    limit = 1.0 if image.mode == "F" else float(FULL)
    # Written so that NaN is refused too.
    if not (values.min() >= 0 and values.max() <= limit):
        raise ImageError(
            f"{shown} holds grey values outside 0 to {limit:g}; save it with 8 or 16 bits a "
            "channel."
        )
    return Image.fromarray(_scaled(values, limit if image.mode == "F" else _top(values, top)))


def _top(values: NDArray[np.generic], declared: int) -> float:
    largest = float(values.max())
    if declared and largest <= declared:
        return declared
    return next(level for level in LEVELS if largest <= level)


def _scaled(values: NDArray[np.generic], top: float) -> NDArray[np.uint8]:
    eight_bits: NDArray[np.uint8] = np.rint(
        values.astype(np.float32) * np.float32(255 / top)
    ).astype(np.uint8)
    return eight_bits


def _other_byte(tile: _Tile) -> _Tile | None:
    """A part of the file, read with the other byte order; None if it has no 16-bit colours."""
    mode, *rest = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    if not isinstance(mode, str) or not mode.startswith(("RGB;16", "RGBA;16")):
        return None
    other = f"{mode[:-1]}{_OPPOSITE[mode[-1]]}"
    return tile._replace(args=(other, *rest) if rest else other)


def _numbers(value: object) -> list[float]:
    found = value if isinstance(value, tuple) else (value,)
    return [float(n) for n in found if isinstance(n, int | float)]


def _has_chunk(png: bytes, name: bytes) -> bool:
    """Whether a chunk stands before the picture's data."""
    place = 8
    while place + 8 <= len(png):
        length, kind = struct.unpack(">I4s", png[place : place + 8])
        if kind in (name, b"IDAT"):
            return bool(kind == name)
        place += 12 + length
    return False
