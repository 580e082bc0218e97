"""User studies: one drawn heatmap with its prediction, pictures by chance, and the results."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from xai_core.cache import Result
from xai_core.classes import class_text, folder_classes
from xai_core.datasets import listed
from xai_core.display import Display
from xai_core.errors import DataError, ImageError, ModelError
from xai_core.images import model_input, read_picture
from xai_core.models import Classifier
from xai_core.progress import advance
from xai_core.study.analysis import results as analysis
from xai_core.study.pictures import field_of_view, plain_png
from xai_core.study.storage.records import Records
from xai_core.tasks.maps import explain_task
from xai_core.tasks.models import Settings, classifier, model_pixels

MIX = (True, False)  # rightly and wrongly classified


def study_picture(
    model: dict[str, Any],
    pixels: NDArray[np.float32],
    shown: NDArray[np.uint8],
    explained: int | None,
    method: str,
    params: dict[str, Any],
    look: dict[str, Any],
    together: dict[str, Settings] | None = None,
) -> Result:
    """One heatmap over one picture, as a participant sees it, and what the model says of it.

    Args:
        model: keywords of ``load_classifier``.
        pixels: the study's part of the picture as the model gets it, [3, H, W] in [0, 1].
        shown: the same part as participants see it, uint8 [side, side, 3].
        explained: index of the explained class; None for the predicted one.
        method: id of the method.
        params: as in ``explain_task``.
        look: keywords of ``Display``.
        together: as in ``explain_task``.

    Returns:
        Array "png": the file's bytes, uint8; facts "predicted_class", its "probability" and
        "explained_class".
    """
    clf = classifier(model)
    with torch.no_grad():
        shares = clf.probabilities(clf.logits(model_pixels(clf, pixels))[0].double())
    best = int(shares.argmax())
    target = best if explained is None else explained
    relevance = explain_task(model, pixels, target, method, params, together).arrays["relevance"]
    display = Display(**look)
    drawn = display.draw(display.values(relevance, pixels), Image.fromarray(shown))
    facts = {
        "predicted_class": clf.class_titles[best],
        "probability": float(shares[best]),
        "explained_class": clf.class_titles[target],
    }
    return Result({"png": np.frombuffer(plain_png(drawn), np.uint8)}, facts)


def study_draw(model: dict[str, Any], folder: str, right: int, wrong: int, seed: int) -> Result:
    """Pictures of a data set by chance, so many rightly and so many wrongly classified.

    Each picture is classified as a study whose only model this is would show it. Pictures
    whose class is not known, or is none of the model's, are left out.

    Args:
        model: keywords of ``load_classifier``.
        folder: of the data set, as for ``datasets.listed``.
        right: at most so many that are classified rightly.
        wrong: at most so many that are classified wrongly.
        seed: of the order in which pictures are tried.

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
    left = dict(zip(MIX, (right, wrong), strict=True))
    names, classes, unread = [], [], []
    for number, (path, true) in enumerate(files):
        if not any(left.values()):
            break
        advance(number, len(files))
        try:
            fits = _predicted(clf, path) == true
        except ImageError as error:
            unread.append(str(error))
            continue
        if left[fits] > 0:
            left[fits] -= 1
            names.append(path.relative_to(folder).as_posix())
            classes.append(class_text(true, clf.class_names))
    if not names:
        raise DataError(
            f"No picture of {Path(folder).name} fits what was asked for: the names of its classes "
            "must be names of the model's classes."
        )
    return Result(facts={"names": names, "classes": classes, "unread": unread})


def study_results(records: Records, settings: dict[str, Any]) -> Result:
    """The analysis of a version's records.

    Args:
        records: of the version.
        settings: keywords of ``study.results.Settings``.

    Returns:
        As facts, ``Results.to_json``.
    """
    return Result(facts=analysis.analyse(records, analysis.Settings(**settings)).to_json())


def _predicted(clf: Classifier, path: Path) -> int:
    """Index of the class that the model gives the picture of a file."""
    image = read_picture(path)
    square = field_of_view(image, clf.crop)
    seen = model_input(square, clf.input_size, 1.0, clf.resample)
    with torch.no_grad():
        return int(clf.logits(model_pixels(clf, seen))[0].argmax())
