"""Photos in front of a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xai_core.cli.options import SAMPLE

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from xai_core.models import Classifier


@dataclass(frozen=True)
class Photo:
    """A photo in front of the model: as named on the command line, seen, fed and classified."""

    name: str
    crop: Image.Image
    hash: str
    x: Tensor
    target: int
    probability: float


def read_file(name: str) -> Image.Image:
    """The picture of a file, or of sample:NAME.

    Raises:
        ImageError: there is none, or it cannot be read.
    """
    from xai_core.images import read_picture, sample_image

    if name.startswith(SAMPLE):
        return sample_image(name.removeprefix(SAMPLE))
    return read_picture(Path(name))


def read_photo(clf: Classifier, name: str, target: int | None) -> Photo:
    """A photo and its class; the predicted one where ``target`` is None.

    Raises:
        ImageError: as ``read_file``.
    """
    import torch

    from xai_core.images import image_hash, visible_crop

    image = read_file(name)
    x = clf.preprocess([image]).to(clf.device)
    with torch.no_grad():
        probabilities = clf.probabilities(clf.logits(x)[0].double())
    explained = int(probabilities.argmax()) if target is None else target
    crop = visible_crop(image, clf.input_size, clf.crop)
    return Photo(name, crop, image_hash(image), x, explained, float(probabilities[explained]))
