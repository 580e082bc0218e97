"""Pictures -> model input; also the sample pictures. Needs no torch."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.decoding import as_rgb, check_size
from xai_core.decoding import read_image as read_image
from xai_core.decoding import read_picture as read_picture
from xai_core.decoding import shown_name as shown_name
from xai_core.errors import ImageError

SAMPLE = "sample:"  # what a sample picture is called after, where files are named
THUMBNAIL = 192  # pixels of the longer side, for screens of twice the density
RESAMPLING = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
Picture = Image.Image | NDArray[np.uint8]


def image_hash(image: Picture) -> str:
    """SHA-256 of a picture's size and RGB values, in hexadecimal."""
    rgb = _as_image(image)
    digest = hashlib.sha256(f"{rgb.width}x{rgb.height} ".encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def crop_box(
    size: tuple[int, int], input_size: tuple[int, int], crop: float, squash: bool = False
) -> tuple[int, int, int, int]:
    """The region of a picture that the model sees, in whole pixels of the picture.

    Args:
        size: (width, height) of the picture, as Pillow gives it.
        input_size: (height, width) of the model input.
        crop: share of the resized picture's fitted side that the centre crop keeps.
        squash: as in ``model_input``.

    Returns:
        (left, top, right, bottom); right and bottom are exclusive.
    """
    resized, (left, top) = placement(size, input_size, crop, squash)
    x_scale, y_scale = size[0] / resized[0], size[1] / resized[1]
    x0, y0 = round(left * x_scale), round(top * y_scale)
    x1 = round((left + input_size[1]) * x_scale)
    y1 = round((top + input_size[0]) * y_scale)
    x0, y0 = min(x0, size[0] - 1), min(y0, size[1] - 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def visible_crop(
    image: Picture, input_size: tuple[int, int], crop: float, squash: bool = False
) -> Image.Image:
    """What the model sees, at the picture's own resolution; heatmaps are drawn over it."""
    rgb = _as_image(image)
    return rgb.crop(crop_box(rgb.size, input_size, crop, squash))


def model_input(
    image: Picture,
    input_size: tuple[int, int],
    crop: float,
    resample: str = "bilinear",
    squash: bool = False,
) -> NDArray[np.float32]:
    """Resize a picture with antialiasing, and crop its centre.

    For a square input this equals torchvision's ``ImageClassification`` preset on Pillow
    pictures, before its normalisation, with ``crop = crop_size / resize_size``.

    Args:
        image: RGB picture, or uint8 array [H, W, 3] or [H, W].
        input_size: (height, width) of the model input.
        crop: share of the resized picture's fitted side that the centre crop keeps, in (0, 1].
        resample: "bilinear" or "bicubic", as the model was trained.
        squash: whether both sides are fitted, whatever the picture's proportions; else the one
            that fits first, and the other is cropped.

    Returns:
        float32 [3, height, width] in [0, 1].

    Raises:
        ImageError: not a picture: wrong shape or type, or extreme proportions.
    """
    rgb = _as_image(image)
    resized, (left, top) = placement(rgb.size, input_size, crop, squash)
    fitted = rgb.resize(resized, RESAMPLING[resample])
    height, width = input_size
    pixels = np.asarray(fitted.crop((left, top, left + width, top + height)))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1), dtype=np.float32) / np.float32(255)


def placement(
    size: tuple[int, int], input_size: tuple[int, int], crop: float, squash: bool
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Where the model's input lies in the resized picture; rounds as torchvision does.

    Args:
        size: (width, height) of the picture.
        input_size: (height, width) of the model input.
        crop: as in ``crop_box``.
        squash: as in ``model_input``.

    Returns:
        (width, height) after resizing, and (left, top) of the crop in that.
    """
    width, height = size
    target_height, target_width = (round(side / crop) for side in input_size)
    if squash:
        resized = (target_width, target_height)
    elif width * target_height >= height * target_width:
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
    check_size(picture.size, "The picture")
    return as_rgb(picture, "The picture")


@dataclass(frozen=True)
class Sample:
    """A picture that comes with the product.

    Attributes:
        id: what commands call it.
        title: what people read.
        file: its file in scikit-image.
        known: whether ImageNet's classes have a name for what is on it; pages offer only these.
    """

    id: str
    title: str
    file: str
    known: bool = True

    def loader(self) -> Image.Image:
        """The picture, RGB."""
        # The file itself, not skimage.data's loader: the loader may want to download.
        return read_image(
            resources.files("skimage.data").joinpath(self.file).read_bytes(), self.file
        )


def sample_images() -> list[Sample]:
    """Photographs from scikit-image's package."""
    return [
        Sample("cat", "Cat", "chelsea.png"),
        Sample("coffee", "Coffee", "coffee.png"),
        Sample("astronaut", "Astronaut", "astronaut.png", known=False),
        Sample("rocket", "Rocket", "rocket.jpg"),
        Sample("motorcycle", "Motorcycle", "motorcycle_left.png"),
        Sample("camera", "Cameraman", "camera.png"),
        Sample("coins", "Coins", "coins.png", known=False),
        Sample("galaxies", "Galaxies", "hubble_deep_field.jpg", known=False),
    ]


def sample_image(id: str) -> Image.Image:
    """The sample picture of that id, RGB.

    Raises:
        ImageError: there is none; the sentence lists what there is.
    """
    samples = {sample.id: sample for sample in sample_images()}
    if id not in samples:
        raise ImageError(f"There is no sample picture '{id}'; there are: {', '.join(samples)}.")
    return samples[id].loader()


def read_source(source: str, name: str = "") -> Image.Image:
    """The picture of a file, or of sample:NAME, RGB.

    Args:
        source: path of the file, or sample:NAME.
        name: what errors call the file; its own name if not given.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    if source.startswith(SAMPLE):
        return sample_image(source.removeprefix(SAMPLE))
    return read_picture(Path(source), name)


def thumbnail(image: Image.Image) -> bytes:
    """A small picture, as a JPEG file."""
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return stream.getvalue()
