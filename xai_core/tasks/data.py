"""Pictures of a data set on the server's disk, as a model sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from xai_core import datasets
from xai_core.cache import Result, content_key
from xai_core.errors import DataError, ImageError
from xai_core.images import image_hash, model_input, read_picture
from xai_core.jobs import Task
from xai_core.progress import advance
from xai_core.tasks.models import Model, classifier, scores

Class = TypeVar("Class", int, int | None)
Told = TypeVar("Told")


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

    Pictures whose class is not known count as rightly classified. The arguments are those of
    ``labelled``; the folder is as for ``datasets.listed``.

    Returns:
        Arrays "pixels", uint8 [N, H, W, 3] as the model gets them, and "logits" [N, K]; facts
        "names", "hashes", "true" (None where it is not known) and "unread" (sentences about
        files that are no pictures).

    Raises:
        DataError: nothing fits.
        ModelError: as ``datasets.labelled``.
    """
    clf = classifier(model)
    unread: list[str] = []

    def answer(path: Path) -> tuple[int, tuple[str, NDArray[np.uint8], NDArray[np.float32]]]:
        image = read_picture(path)
        seen = model_input(image, clf.input_size, clf.crop, clf.resample, clf.squash)
        pixels = np.rint(255 * seen).astype(np.uint8).transpose(1, 2, 0)
        logits = scores(clf, seen)[0].numpy()
        return int(logits.argmax()), (image_hash(image), pixels, logits)

    files = datasets.labelled(folder, clf.class_names)
    kept = list(fitting(files, right, wrong, answer, unread))
    if not kept:
        raise DataError(f"No picture of {folder} fits what was asked for.")
    hashes, pictures, answers = map(list, zip(*(told for *_, told in kept), strict=True))
    facts = {
        "names": [path.relative_to(folder).as_posix() for path, *_ in kept],
        "hashes": hashes,
        "true": [true for _, true, _ in kept],
        "unread": unread,
    }
    return Result({"pixels": np.stack(pictures), "logits": np.stack(answers)}, facts)


def fitting(
    files: Sequence[tuple[Path, Class]],
    right: int,
    wrong: int,
    answer: Callable[[Path], tuple[int, Told]],
    unread: list[str],
) -> Iterator[tuple[Path, Class, Told]]:
    """Pictures, one after the other, until so many are classified rightly, and so many wrongly.

    Args:
        files: paths with indices of their classes; one that is not known counts as right.
        right: at most so many that are classified rightly.
        wrong: at most so many that are classified wrongly.
        answer: gives the predicted class of a picture, and what else is wanted of it.
        unread: here go sentences about files that are no pictures.
    """
    left = {True: right, False: wrong}
    for number, (path, true) in enumerate(files):
        if not any(left.values()):
            return
        advance(number, len(files))
        try:
            predicted, told = answer(path)
        except ImageError as error:
            unread.append(str(error))
            continue
        fits = true is None or predicted == true
        if left[fits] > 0:
            left[fits] -= 1
            yield path, true, told
