"""Photos in front of a model, and their explanations by what is wanted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.meter import Meter
from xai_core.cli.options import SAMPLE

if TYPE_CHECKING:
    from PIL import Image
    from torch import Tensor

    from xai_core.cache import Cache, Result
    from xai_core.explainers import Panel
    from xai_core.explainers.choices import Choice
    from xai_core.export import Explanation
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


class Maps:
    """Raw relevance of one photo; what its methods share is computed once.

    Args:
        clf: the classifier.
        photo: the photo.
        choices: the methods that will be asked for, with all their settings.
        pictures: what the words among the settings mean that stand for pictures.
    """

    def __init__(
        self,
        clf: Classifier,
        photo: Photo,
        choices: Sequence[Choice],
        pictures: Mapping[str, Image.Image],
    ) -> None:
        import numpy as np

        self._clf, self._photo = clf, photo
        self._arrays = {word: np.asarray(image) for word, image in pictures.items()}
        self._panel = self._wanted(choices)

    def relevance(self, choice: Choice) -> tuple[Tensor, float]:
        """The map [1, C, h, w] and the seconds that it took.

        Raises:
            MethodError: the method does not work on the model.
            ModelError: the model has no such layer.
        """
        panel = self._panel if choice.method in self._panel.left else self._wanted([choice])
        return panel.explain(choice.method), sum(panel.seconds[choice.method])

    def _wanted(self, choices: Sequence[Choice]) -> Panel:
        """A panel of the choices; of a method that is there twice, of the first."""
        from xai_core.explainers import Panel

        requests = {choice.method: self._settings(choice) for choice in reversed(choices)}
        return Panel(self._clf, self._photo.x, self._photo.target, requests)

    def _settings(self, choice: Choice) -> dict[str, Any]:
        from xai_core.explainers.choices import replaced
        from xai_core.tasks.models import with_tensors

        return with_tensors(self._clf, replaced(choice.settings, self._arrays))


class Sitting:
    """One photo with all that is wanted of it, as far as it is not there from before.

    Args:
        clf: the classifier.
        photo: the photo.
        choices: the methods, with all their settings.
        pictures: what the words among the settings mean that stand for pictures.
        cache: where results are looked up and kept.
    """

    def __init__(
        self,
        clf: Classifier,
        photo: Photo,
        choices: Sequence[Choice],
        pictures: Mapping[str, Image.Image],
        cache: Cache,
    ) -> None:
        from xai_core.images import image_hash

        self._clf, self._photo, self._cache = clf, photo, cache
        self._hashes = {word: {"picture": image_hash(image)} for word, image in pictures.items()}
        missing = [choice for choice in choices if self._key(choice) not in cache]
        self._maps = Maps(clf, photo, missing, pictures)

    def explained(self, choice: Choice, meter: Meter) -> Explanation:
        """From the cache if it is there, else computed and kept.

        Raises:
            MethodError: the method does not work on the model.
            ModelError: the model has no such layer.
        """
        from xai_core.export import Explanation

        clf, photo = self._clf, self._photo
        result = self._cache.get(self._key(choice))
        if result is not None:
            meter.skip(f"{photo.name} {choice.id}, already there")
        else:
            with meter.step(f"{photo.name} {choice.id}"):
                result = self._computed(choice)
                self._cache.put(self._key(choice), result)
        return Explanation(
            image_name=photo.name,
            image=photo.crop,
            image_hash=photo.hash,
            method=choice.method,
            settings=choice.settings,
            target=photo.target,
            class_name=clf.class_titles[photo.target],
            probability=photo.probability,
            relevance=result.arrays["relevance"],
            seconds=result.facts["seconds"],
            pixels=clf.pixels(photo.x)[0].cpu().numpy(),
        )

    def _key(self, choice: Choice) -> str:
        from xai_core.cache import content_key
        from xai_core.explainers.choices import replaced

        settings = replaced(choice.settings, self._hashes)
        fingerprint, photo = self._clf.fingerprint, self._photo
        return content_key(
            "explain", fingerprint, photo.hash, photo.target, choice.method, settings
        )

    def _computed(self, choice: Choice) -> Result:
        from xai_core.cache import Result

        relevance, seconds = self._maps.relevance(choice)
        return Result({"relevance": relevance[0].cpu().numpy()}, {"seconds": seconds})
