"""Pictures of a data set on the server's disk, as a model sees them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from xai_core import datasets
from xai_core.cache import Result, content_key
from xai_core.errors import DataError, ImageError
from xai_core.images import image_hash, model_input, read_picture
from xai_core.jobs import Task
from xai_core.models import Classifier
from xai_core.progress import advance
from xai_core.tasks.models import Model, classifier, scores


def labelled(model: Model, fingerprint: str, folder: str, right: int, wrong: int) -> Task:
    """Pictures of a data set on the server's disk.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        right: at most so many that the model classifies rightly.
        wrong: at most so many that it classifies wrongly.
    """
    key = content_key("labelled", fingerprint, folder, datasets.folder_stamp(folder), right, wrong)
    arguments = {"model": dict(model), "folder": folder, "right": right, "wrong": wrong}
    return Task(key, run_labelled, arguments, float(right + wrong), "Reading the pictures")


def run_labelled(model: dict[str, Any], folder: str, right: int, wrong: int) -> Result:
    """The first pictures of a data set that the model gets right, and that it gets wrong.

    Pictures whose class is not known count as rightly classified.

    Args:
        model: keywords of ``load_classifier``.
        folder: of the data set, as for ``datasets.listed``.
        right: at most so many that are classified rightly.
        wrong: at most so many that are classified wrongly.

    Returns:
        Arrays "pixels", uint8 [N, H, W, 3] as the model gets them, and "logits" [N, K]; facts
        "names", "hashes", "true" (None where it is not known) and "unread" (sentences about
        files that are no pictures).

    Raises:
        DataError: nothing fits.
        ModelError: as ``datasets.labelled``.
    """
    clf = classifier(model)
    left = {True: right, False: wrong}
    unread: list[str] = []
    kept: list[tuple[str, str, int | None, np.ndarray[Any, Any], np.ndarray[Any, Any]]] = []
    files = datasets.labelled(folder, clf.class_names)
    for name, digest, true, pixels, logits in _answered(clf, Path(folder), files, unread):
        fits = true is None or int(logits.argmax()) == true
        if left[fits] > 0:
            left[fits] -= 1
            kept.append((name, digest, true, pixels, logits))
        if not any(left.values()):
            break
    if not kept:
        raise DataError(f"No picture of {folder} fits what was asked for.")
    names, hashes, trues, pictures, answers = map(list, zip(*kept, strict=True))
    arrays = {"pixels": np.stack(pictures), "logits": np.stack(answers)}
    return Result(arrays, {"names": names, "hashes": hashes, "true": trues, "unread": unread})


def _answered(
    clf: Classifier, folder: Path, files: list[tuple[Path, int | None]], unread: list[str]
) -> Iterator[tuple[str, str, int | None, np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Name, hash, true class, pixels and logits of one picture after the other."""
    for number, (path, true) in enumerate(files):
        advance(number, len(files))
        try:
            image = read_picture(path)
        except ImageError as error:
            unread.append(str(error))
            continue
        seen = model_input(image, clf.input_size, clf.crop, clf.resample)
        pixels = np.rint(255 * seen).astype(np.uint8).transpose(1, 2, 0)
        name = path.relative_to(folder).as_posix()
        yield name, image_hash(image), true, pixels, scores(clf, seen)[0].numpy()
