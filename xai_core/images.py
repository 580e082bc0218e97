"""Bytes -> safe RGB picture -> model input; also the sample pictures. Needs no torch."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from xai_core.errors import ImageError

RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
Picture = Image.Image | NDArray[np.uint8]

MAX_BYTES = 20_000_000
MAX_PIXELS = 25_000_000
MAX_ASPECT = 100  # a thinner picture would grow without bound when its short side is resized
NAME_LENGTH = 40

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
    and 16-bit values are scaled to 8 bits. Colour profiles are not applied, as in torchvision.

    Args:
        data: the file.
        name: the file's name as the user gave it; only shown in errors.

    Returns:
        A new RGB picture without metadata.

    Raises:
        ImageError: too large, too thin, damaged, or not JPEG, PNG, WebP, BMP or TIFF.
    """
    shown = f"'{shown_name(name)}'"
    if not data:
        raise ImageError(f"{shown} is an empty file.")
    if len(data) > MAX_BYTES:
        raise ImageError(
            f"{shown} has {len(data) / 1e6:.1f} MB; at most {MAX_BYTES / 1e6:.0f} MB are allowed."
        )
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise ImageError(_refusal(data, shown)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(
            f"{shown} has too many pixels; at most {MAX_PIXELS // 10**6} million are allowed."
        ) from error
    except _DAMAGE as error:
        raise ImageError(f"{shown} is damaged and cannot be read.") from error
    _check_size(image.size, shown)
    try:
        image.load()
        turned = ImageOps.exif_transpose(image)
        rgb = _as_rgb(turned, shown)
        return Image.frombytes("RGB", rgb.size, rgb.tobytes())
    except _DAMAGE as error:
        raise ImageError(f"{shown} is damaged or incomplete and cannot be read.") from error


def read_picture(path: Path) -> Image.Image:
    """The picture of a file.

    Raises:
        ImageError: as ``read_image``; or the file cannot be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"'{shown_name(path.name)}' cannot be read: {error.strerror}.") from error
    return read_image(data, path.name)


def shown_name(name: str) -> str:
    """A user's file name made fit for a sentence: no folders, printable, 40 characters."""
    base = name.replace("\\", "/").rsplit("/", 1)[-1].strip() or "picture"
    text = "".join(letter if letter.isprintable() else "�" for letter in base)
    if len(text) <= NAME_LENGTH:
        return text
    tail = 12
    return f"{text[: NAME_LENGTH - tail - 1]}…{text[-tail:]}"


def image_hash(image: Picture) -> str:
    """SHA-256 of a picture's size and RGB values, in hexadecimal."""
    rgb = _as_image(image)
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height} ".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def crop_box(
    size: tuple[int, int], input_size: tuple[int, int], crop: float
) -> tuple[int, int, int, int]:
    """The region of a picture that the model sees, in whole pixels of the picture.

    Args:
        size: (width, height) of the picture, as Pillow gives it.
        input_size: (height, width) of the model input.
        crop: share of the resized picture's fitted side that the centre crop keeps.

    Returns:
        (left, top, right, bottom); right and bottom are exclusive.
    """
    resized, (left, top) = _placement(size, input_size, crop)
    x_scale, y_scale = size[0] / resized[0], size[1] / resized[1]
    x0, y0 = round(left * x_scale), round(top * y_scale)
    x1 = round((left + input_size[1]) * x_scale)
    y1 = round((top + input_size[0]) * y_scale)
    x0, y0 = min(x0, size[0] - 1), min(y0, size[1] - 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def visible_crop(image: Picture, input_size: tuple[int, int], crop: float) -> Image.Image:
    """What the model sees, at the picture's own resolution; heatmaps are drawn over it."""
    rgb = _as_image(image)
    return rgb.crop(crop_box(rgb.size, input_size, crop))


def model_input(
    image: Picture, input_size: tuple[int, int], crop: float, resample: str = "bilinear"
) -> NDArray[np.float32]:
    """Resize a picture with antialiasing, and crop its centre.

    For a square input this equals torchvision's ``ImageClassification`` preset on Pillow
    pictures, before its normalisation, with ``crop = crop_size / resize_size``.

    Args:
        image: RGB picture, or uint8 array [H, W, 3] or [H, W].
        input_size: (height, width) of the model input.
        crop: share of the resized picture's fitted side that the centre crop keeps, in (0, 1].
        resample: "bilinear" or "bicubic", as the model was trained.

    Returns:
        float32 [3, height, width] in [0, 1].

    Raises:
        ImageError: not a picture: wrong shape or type, or extreme proportions.
    """
    rgb = _as_image(image)
    resized, (left, top) = _placement(rgb.size, input_size, crop)
    fitted = rgb.resize(resized, RESAMPLING[resample])
    height, width = input_size
    pixels = np.asarray(fitted.crop((left, top, left + width, top + height)))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def _placement(
    size: tuple[int, int], input_size: tuple[int, int], crop: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """(width, height) after resizing and (left, top) of the crop; rounds as torchvision does."""
    width, height = size
    target_height, target_width = (round(side / crop) for side in input_size)
    if width * target_height >= height * target_width:
        resized = (int(target_height * width / height), target_height)
    else:
        resized = (target_width, int(target_width * height / width))
    left = round((resized[0] - input_size[1]) / 2)
    top = round((resized[1] - input_size[0]) / 2)
    return resized, (left, top)


def _as_image(picture: Picture) -> Image.Image:
    if not isinstance(picture, Image.Image):
        good = picture.dtype == np.uint8 and picture.size > 0
        if not good or not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)):
            raise ImageError(
                "A picture given as an array must be uint8 with the shape [height, width, 3] or "
                f"[height, width], not {picture.dtype} {list(picture.shape)}."
            )
        picture = Image.fromarray(np.ascontiguousarray(picture))
    _check_size(picture.size, "The picture")
    return _as_rgb(picture, "The picture")


def _check_size(size: tuple[int, int], shown: str) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise ImageError(f"{shown} has no pixels.")
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{shown} has {width} × {height} pixels; "
            f"at most {MAX_PIXELS // 10**6} million are allowed."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{shown} has {width} × {height} pixels; "
            f"one side may be at most {MAX_ASPECT} times the other."
        )


def _as_rgb(image: Image.Image, shown: str) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image), image.mode, shown)).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: NDArray[np.generic], mode: str, shown: str) -> NDArray[np.uint8]:
    """Deep grey values to 8 bits: integers as 16-bit (Pillow's meaning of them), reals in 0-1."""
    numbers = values.astype(np.float32)
    top = 1.0 if mode == "F" else 65535.0
    # Written so that NaN is refused too.
    if not (numbers.min() >= 0 and numbers.max() <= top):
        raise ImageError(
            f"{shown} holds grey values outside 0 to {top:g}; save it with 8 or 16 bits a channel."
        )
    eight_bits: NDArray[np.uint8] = np.rint(numbers * np.float32(255 / top)).astype(np.uint8)
    return eight_bits


def _refusal(data: bytes, shown: str) -> str:
    start = data[:64].lstrip() if data[:1].isspace() else data[:64]
    for offset, mark, kind in _OTHER_FORMATS:
        if start.startswith(mark, offset):
            return f"{shown} is {kind}; use {_ACCEPTED}."
    return f"{shown} is not a picture that can be read; use {_ACCEPTED}."


@dataclass(frozen=True)
class Sample:
    """A picture that comes with the product: its id, its title, and how to load it."""

    id: str
    title: str
    loader: Callable[[], Image.Image]


def _from_skimage(file: str) -> Image.Image:
    # The file itself, not skimage.data's loader: the loader may want to download.
    return read_image(resources.files("skimage.data").joinpath(file).read_bytes(), file)


_SAMPLES = (
    ("cat", "Cat", "chelsea.png"),
    ("coffee", "Coffee", "coffee.png"),
    ("astronaut", "Astronaut", "astronaut.png"),
    ("rocket", "Rocket", "rocket.jpg"),
    ("motorcycle", "Motorcycle", "motorcycle_left.png"),
    ("camera", "Cameraman", "camera.png"),
    ("coins", "Coins", "coins.png"),
    ("galaxies", "Galaxies", "hubble_deep_field.jpg"),
)


def sample_images() -> list[Sample]:
    """Photographs from scikit-image's package, the ones the embedded model knows first."""
    return [Sample(key, title, partial(_from_skimage, file)) for key, title, file in _SAMPLES]


def sample_image(id: str) -> Image.Image:
    """The sample picture of that id, RGB.

    Raises:
        ImageError: there is none; the sentence lists what there is.
    """
    samples = {sample.id: sample for sample in sample_images()}
    if id not in samples:
        raise ImageError(f"There is no sample picture '{id}'; there are: {', '.join(samples)}.")
    return samples[id].loader()
