"""Photos of the command line as a model sees them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core import tasks
from xai_core.errors import ImageError
from xai_core.images import crop_box, image_hash, model_input, read_source, visible_crop
from xai_core.own_maps import OwnMaps, View

Facts = Mapping[str, Any]  # of ``tasks.describe``


@dataclass(frozen=True)
class Photo:
    """A photo in front of a model.

    Attributes:
        name: as the command line has it.
        hash: ``image_hash`` of the picture.
        view: where the part that the model sees lies in it.
        crop: the part that the model sees, at the picture's own resolution.
        pixels: what the model gets, float32 [3, H, W] in [0, 1].
    """

    name: str
    hash: str
    view: View
    crop: Image.Image
    pixels: NDArray[np.float32]

    def subject(self, target: int, own: Iterable[OwnMaps] = ()) -> tasks.Subject:
        """What tasks know of it, with the class that is explained, and maps computed elsewhere."""
        size = (self.pixels.shape[1], self.pixels.shape[2])
        maps = {one.id: one.found(self.name, self.view, size) for one in own}
        return tasks.Subject(self.hash, self.pixels, target, maps)


@dataclass(frozen=True)
class Targeted(Photo):
    """A photo with the class that is explained.

    Attributes:
        target: index of the class.
        class_name: what people read of it.
        probability: of the class, as the model says.
    """

    target: int
    class_name: str
    probability: float


def read_photo(name: str, about: Facts) -> Photo:
    """The photo of a file, or of sample:NAME.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    return photo_of(name, read_source(name), about)


def photo_of(name: str, image: Image.Image, about: Facts) -> Photo:
    """A picture, RGB, that was read from the file of this name."""
    height, width = about["input_size"]
    size, share, squash = (height, width), about["crop"], about["squash"]
    pixels = model_input(image, size, share, about["resample"], squash)
    crop = visible_crop(image, size, share, squash)
    view = View(image.size, crop_box(image.size, size, share, squash), size)
    return Photo(name, image_hash(image), view, crop, pixels)


def complain(sentence: str) -> None:
    """Say it on the error output."""
    print(sentence, file=sys.stderr)


def readable(
    names: Iterable[str], about: Facts, say: Callable[[str], None] = complain
) -> list[Photo]:
    """The photos that can be read; of the others it is said why they cannot."""
    photos = []
    for name in names:
        try:
            photos.append(read_photo(name, about))
        except ImageError as error:
            say(str(error))
    return photos
