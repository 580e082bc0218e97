"""Files of maps computed elsewhere -> arrays. Nothing in them is unpickled. Needs no torch."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from xai_core.decoding import shown_name
from xai_core.errors import MapError

Map = NDArray[np.float32]

MOST_VALUES = 25_000_000  # of one map
MOST_BYTES = 512 * 2**20  # of all maps of a set
ENDINGS = (".npy", ".npz", ".png")

_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_UNNAMED = "arr_0"  # what NumPy calls an array in an NPZ that was given no name
# What NumPy, zipfile and Pillow raise on damaged files.
_DAMAGE = (
    *(OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, MemoryError),
    *(RuntimeError, OverflowError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)


def picture_stem(name: str) -> str:
    """By what a picture and its map are matched: the file's name without folder and ending."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1].removeprefix("sample:")
    return _ENDING.sub("", base)


def maps_in(file: str, content: bytes) -> Iterable[tuple[str, Map | str]]:
    """Every map of a file by its picture's name, or why there is none.

    A file has the name of its picture. An NPZ of several arrays, or of one that has a name, holds
    one array for each picture, under the picture's name. NPY and NPZ: any finite numbers, [H, W],
    [C, H, W] or [H, W, C] with C 1 or 3, and a leading axis of length 1 is ignored. PNG: grey of 8
    or 16 bits, read as values from 0 to 1.
    """
    stem, shown = picture_stem(file), f"'{shown_name(file)}'"
    try:
        if content.startswith(b"PK\x03\x04"):
            yield from _archive(stem, shown, content)
        else:
            yield stem, _as_map(_array(content, shown), shown)
    except MapError as error:
        yield stem, str(error)
    except _DAMAGE:
        yield stem, f"{shown} is damaged or incomplete and cannot be read."


def _archive(stem: str, shown: str, content: bytes) -> Iterable[tuple[str, Map | str]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise MapError(f"{shown} holds more than {MOST_BYTES // 2**20} MB.")
        if not entries:
            raise MapError(f"{shown} holds no array.")
        for entry in entries:
            key = entry.filename.removesuffix(".npy")
            alone = len(entries) == 1 and key == _UNNAMED
            place = stem if alone else picture_stem(key)
            inside = shown if alone else f"'{shown_name(key)}' in {shown}"
            try:
                yield place, _as_map(_npy(archive.read(entry), inside), inside)
            except MapError as error:
                yield place, str(error)


def _array(content: bytes, shown: str) -> NDArray[Any]:
    if content.startswith(npy.MAGIC_PREFIX):
        return _npy(content, shown)
    if content.startswith(b"\x89PNG"):
        return _png(content, shown)
    raise MapError(f"{shown} is no NPY, NPZ or PNG file.")


def _npy(content: bytes, shown: str) -> NDArray[Any]:
    """The array of an NPY file, whose size is checked before it is read."""
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, kind = read(stream)
    except _DAMAGE as error:
        raise MapError(f"{shown} is damaged and cannot be read.") from error
    if kind.kind not in "fiub":
        what = "Python objects, which are never loaded" if kind.hasobject else f"{kind} values"
        raise MapError(f"{shown} holds {what}; a map is made of numbers.")
    if int(np.prod(shape, dtype=object)) > MOST_VALUES:
        raise MapError(f"{shown} has more than {MOST_VALUES // 10**6} million values.")
    stream.seek(0)
    try:
        values: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
    except _DAMAGE as error:
        raise MapError(f"{shown} is damaged or incomplete and cannot be read.") from error
    return values


def _png(content: bytes, shown: str) -> NDArray[Any]:
    """Grey values from 0 to 1."""
    try:
        image = Image.open(io.BytesIO(content), formats=("PNG",))
        if image.width * image.height > MOST_VALUES:
            raise MapError(f"{shown} has more than {MOST_VALUES // 10**6} million pixels.")
        image.load()
    except _DAMAGE as error:
        raise MapError(f"{shown} is damaged or incomplete and cannot be read.") from error
    if image.mode.startswith("I"):
        return np.asarray(image, np.float64) / 65535
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), np.float64) / 255
    pixels = np.asarray(image.convert("RGBA"))
    if (pixels[..., :1] != pixels[..., :3]).any() or (pixels[..., 3] != 255).any():
        raise MapError(
            f"{shown} has colours, from which values cannot be told; give grey values, or NPY."
        )
    return pixels[..., 0].astype(np.float64) / 255


def _as_map(values: NDArray[Any], shown: str) -> Map:
    """An array as [C, H, W]."""
    found = values[0] if values.ndim == 4 and len(values) == 1 else values
    shape = list(values.shape)
    if found.ndim == 2:
        found = found[None]
    elif found.ndim == 3 and found.shape[0] not in (1, 3) and found.shape[2] in (1, 3):
        found = found.transpose(2, 0, 1)
    elif found.ndim == 3 and found.shape[0] in (1, 3) and found.shape[2] in (1, 3):
        raise MapError(f"{shown} has the shape {shape}: which axis holds the channels?")
    if found.ndim != 3 or found.shape[0] not in (1, 3) or not found.size:
        raise MapError(
            f"{shown} has the shape {shape}; a map is [height, width], or has 1 or 3 channels "
            "before or behind."
        )
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(found, dtype=np.float32)
    if not np.isfinite(numbers).all():
        raise MapError(f"{shown} holds values that are not finite numbers (NaN or infinite).")
    return numbers
