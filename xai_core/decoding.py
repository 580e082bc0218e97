"""Bytes of a picture's file -> RGB picture, in bounded memory. Needs no torch."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from xai_core import depth
from xai_core.errors import ImageError

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000
# JPEG alone can be decoded at half its size, so that the whole is never in memory. A progressive
# one is kept in memory before that, as numbers of two bytes.
MAX_JPEG_PIXELS = 80_000_000
MAX_PROGRESSIVE_PIXELS = 50_000_000
MAX_ASPECT = 100  # a thinner picture would grow without bound when its short side is resized
NAME_LENGTH = 40
SIDEWAYS = (5, 6, 7, 8)  # EXIF's orientations by which width and height change places

_FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
_ACCEPTED = "JPEG, PNG, WebP, BMP or TIFF"
# What Pillow's parsers were seen to raise on damaged files.
_DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)
# First bytes of what people upload by mistake, from offset 0 or, for containers, 4.
_OTHER_FORMATS = (
    (0, b"GIF8", "a GIF"),
    (0, b"%PDF", "a PDF document"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"<?xml", "an XML or SVG file"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"PK\x03\x04", "a ZIP archive or office document"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (4, b"ftyphei", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIC picture"),
    (4, b"ftyp", "a video"),
)


def read_image(data: bytes, name: str) -> Image.Image:
    """Decode an uploaded picture; what it is, is told by its content and not by its name.

    The first frame is taken, turned as its EXIF orientation says, alpha is flattened on white,
    and deeper values are scaled to 8 bits (see ``xai_core.depth``). Colour profiles are not
    applied, as in torchvision. A JPEG of more than ``MAX_PIXELS``, such as telephones make, is
    read at half its width and height.

    Args:
        data: the file.
        name: the file's name as the user gave it; only shown in errors.

    Returns:
        A new RGB picture without metadata.

    Raises:
        ImageError: too large, too thin, damaged, or not JPEG, PNG, WebP, BMP or TIFF.
    """
    shown = f"'{shown_name(name)}'"
    image = _opened(data, shown)
    _check_file_size(image, shown)
    try:
        if image.width * image.height > MAX_PIXELS:
            image.draft(None, (image.width // 2, image.height // 2))
        top = depth.declared_top(image, data)
        depth.load(image, data, top, shown)
        rgb = as_rgb(ImageOps.exif_transpose(image), shown, top)
        return Image.frombytes("RGB", rgb.size, rgb.tobytes())
    except _DAMAGE as error:
        raise ImageError(f"{shown} is damaged or incomplete and cannot be read.") from error


@dataclass(frozen=True)
class Stored:
    """How a picture lies in its file, before it is turned and made smaller.

    Attributes:
        size: (width, height).
        orientation: 1 to 8, as EXIF tells it; 1 where nothing is told.
    """

    size: tuple[int, int]
    orientation: int


def stored(data: bytes, name: str) -> Stored:
    """How a picture lies in its file.

    Raises:
        ImageError: too large, or not JPEG, PNG, WebP, BMP or TIFF.
    """
    shown = f"'{shown_name(name)}'"
    image = _opened(data, shown)
    _check_file_size(image, shown)
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGE as error:
        raise ImageError(f"{shown} is damaged and cannot be read.") from error
    width, height = image.size
    if image.format == "TIFF" and orientation in SIDEWAYS:  # whose size Pillow turns at once
        width, height = height, width
    return Stored((width, height), orientation if orientation in range(1, 9) else 1)


def read_picture(path: Path, name: str = "") -> Image.Image:
    """The picture of a file.

    Args:
        path: of the file.
        name: what errors call it; its own name if not given.

    Raises:
        ImageError: as ``read_image``; or the file cannot be opened.
    """
    name = name or path.name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"'{shown_name(name)}' cannot be read: {error.strerror}.") from error
    return read_image(data, name)


def shown_name(name: str) -> str:
    """A user's file name made fit for a sentence: no folders, printable, 40 characters."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1].strip() or "picture"
    text = "".join(letter if letter.isprintable() else "�" for letter in base)
    if len(text) <= NAME_LENGTH:
        return text
    tail = 12
    return f"{text[: NAME_LENGTH - tail - 1]}…{text[-tail:]}"


def check_size(size: tuple[int, int], shown: str, most: int = MAX_PIXELS, kind: str = "") -> None:
    """Refuse a picture that is empty, too large or too thin.

    Args:
        size: (width, height).
        shown: what the sentence calls the picture.
        most: pixels.
        kind: of picture that this limit is for, as the end of a sentence.

    Raises:
        ImageError: it is.
    """
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{shown} has no pixels.")
    if width * height > most:
        raise ImageError(
            f"{shown} has {width} × {height} pixels; "
            f"at most {most // 10**6} million are allowed{kind}."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{shown} has {width} × {height} pixels; "
            f"one side may be at most {MAX_ASPECT} times the other."
        )


def as_rgb(image: Image.Image, shown: str, top: int = 0) -> Image.Image:
    """The picture as RGB, alpha flattened on white.

    Args:
        image: of any mode.
        shown: what a sentence calls it.
        top: the largest value that deep greys could have, as far as that is known; else 0.

    Raises:
        ImageError: greys that are out of range.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return depth.eight_bit_grey(image, shown, top).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _opened(data: bytes, shown: str) -> ImageFile.ImageFile:
    if not data:
        raise ImageError(f"{shown} is an empty file.")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{shown} has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        return Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(_refusal(data, shown)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{shown} has too many pixels; at most {MAX_PIXELS // 10**6} million are allowed"
            f"{_JPEG_LIMIT}."
        ) from error
    except _DAMAGE as error:
        raise ImageError(f"{shown} is damaged and cannot be read.") from error


_JPEG_LIMIT = f", or {MAX_JPEG_PIXELS // 10**6} million as JPEG"


def _check_file_size(image: Image.Image, shown: str) -> None:
    """Refuse what would take too much memory, before anything is decoded."""
    if image.format not in ("JPEG", "MPO"):
        check_size(image.size, shown, kind=_JPEG_LIMIT)
    elif image.info.get("progressive"):
        check_size(image.size, shown, MAX_PROGRESSIVE_PIXELS, " in a progressive JPEG")
    else:
        check_size(image.size, shown, MAX_JPEG_PIXELS, " in a JPEG")


def _refusal(data: bytes, shown: str) -> str:
    start = data[:64].lstrip() if data[:1].isspace() else data[:64]
    for offset, mark, kind in _OTHER_FORMATS:
        if start.startswith(mark, offset):
            return f"{shown} is {kind}; use {_ACCEPTED}."
    return f"{shown} is not a picture that can be read; use {_ACCEPTED}."
