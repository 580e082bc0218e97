"""Pictures for a user study from a data set, by chance."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from xai_core.cache import Result, content_key
from xai_core.classes import class_text, folder_classes
from xai_core.datasets import folder_stamp, listed
from xai_core.errors import DataError, ModelError
from xai_core.images import model_input, read_picture
from xai_core.jobs import Task
from xai_core.models import Classifier
from xai_core.tasks.data import fitting
from xai_core.tasks.models import Model, classifier, scores


def study_draw(
    model: Model, fingerprint: str, folder: str, right: int, wrong: int, seed: int
) -> Task:
    """Pictures of a data set by chance.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        folder: of the data set.
        right: at most so many that the model classifies rightly.
        wrong: at most so many that it classifies wrongly.
        seed: of the choice.
    """
    key = content_key("study-draw", fingerprint, folder, folder_stamp(folder), right, wrong, seed)
    wanted = {"folder": folder, "right": right, "wrong": wrong, "seed": seed}
    arguments = {"model": dict(model), **wanted}
    return Task(key, run_study_draw, arguments, float(right + wrong), "Choosing pictures")


def run_study_draw(model: dict[str, Any], folder: str, right: int, wrong: int, seed: int) -> Result:
    """Pictures of a data set by chance, so many rightly and so many wrongly classified.

    Each picture is classified as a study whose only model this is would show it. Pictures
    whose class is not known, or is none of the model's, are left out. The arguments are those
    of ``study_draw``: the folder is as for ``datasets.listed``, the seed decides the order in
    which pictures are tried.

    Returns:
        Facts "names" (paths within the folder), "classes" and "unread" (sentences about files
        that are no pictures).

    Raises:
        DataError: nothing fits.
        ModelError: a folder's class could only be guessed.
    """
    clf = classifier(model)
    found = listed(folder)
    folders = folder_classes((name for _, name in found if name is not None), clf.class_names)
    if folders.problems:
        raise ModelError(folders.problems[0])
    files = [(path, folders.known[name]) for path, name in found if name in folders.known]
    random.Random(seed).shuffle(files)
    unread: list[str] = []
    kept = list(fitting(files, right, wrong, lambda path: (_predicted(clf, path), None), unread))
    if not kept:
        raise DataError(
            f"No picture of {Path(folder).name} fits what was asked for: the names of its classes "
            "must be names of the model's classes."
        )
    names = [path.relative_to(folder).as_posix() for path, *_ in kept]
    classes = [class_text(true, clf.class_names) for _, true, _ in kept]
    return Result(facts={"names": names, "classes": classes, "unread": unread})


def _predicted(clf: Classifier, path: Path) -> int:
    """Index of the class that the model gives the picture of a file."""
    seen = model_input(read_picture(path), clf.input_size, clf.crop, clf.resample)
    return int(scores(clf, seen)[0].argmax())
