"""How alike a method's maps of several classes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core import class_sensitivity
from xai_core.cache import Result, content_key
from xai_core.class_sensitivity import ClassScores
from xai_core.explainers.choices import Choice, column_title, signed
from xai_core.jobs import Task
from xai_core.progress import portion
from xai_core.tasks.explanations import NONE, explain_all, run_explain
from xai_core.tasks.models import Model, Subject

Size = tuple[int, int]
Parts = NDArray[np.bool_]


def compare_classes(
    maps: Sequence[NDArray[np.float32]],
    size: Size,
    choice: Choice,
    measures: Sequence[str],
    parts: Parts,
) -> Task:
    """Compare one method's maps of several classes, which are there.

    Args:
        maps: relevance [C, h, w] of each class.
        size: (height, width) of the model's input.
        choice: the method.
        measures: as in ``class_sensitivity.compare_classes``, as are the parts.
        parts: likewise.
    """
    arguments = {
        "maps": list(maps),
        "size": list(size),
        "signed": signed(choice),
        "measures": list(measures),
        "parts": parts,
    }
    key = content_key("compare-classes", arguments)
    cost = float(len(maps) ** 2 * len(measures))
    return Task(key, run_compare_classes, arguments, cost, column_title(choice.id))


def run_compare_classes(
    maps: Sequence[NDArray[np.float32]],
    size: Sequence[int],
    signed: bool,
    measures: Sequence[str],
    parts: Parts,
) -> Result:
    """The arrays of ``ClassScores``."""
    height, width = size
    found = class_sensitivity.compare_classes(maps, (height, width), signed, measures, parts)
    return Result(vars(found))


def compare_all(
    model: Model,
    fingerprint: str,
    subjects: Sequence[tuple[Subject, Sequence[int]]],
    choices: Sequence[Choice],
    measures: Sequence[str],
    pictures: Mapping[str, Subject] = NONE,
    parts: Parts | None = None,
) -> dict[tuple[str, str], Task]:
    """Every method's maps of some classes of every picture, made and compared; no map is kept.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subjects: each picture with its classes.
        choices: the methods.
        measures: as in ``compare_classes``.
        pictures: as in ``explain``.
        parts: of every picture, as in ``compare_classes``; none if not given.

    Returns:
        Tasks by the picture's hash and the column's id.
    """
    found = {}
    for subject, classes in subjects:
        each = [
            explain_all(model, fingerprint, [replace(subject, target=index)], choices, pictures)
            for index in classes
        ]
        size = subject.pixels.shape[1:]
        given = np.zeros((0, *size), bool) if parts is None else parts
        for choice in choices:
            made = [tasks[subject.hash, choice.id] for tasks in each]
            further = {"signed": signed(choice), "measures": list(measures), "parts": given}
            found[subject.hash, choice.id] = Task(
                content_key("class-sensitivity", [task.key for task in made], further),
                run_compare,
                {"explained": [task.arguments for task in made], **further},
                sum(task.cost for task in made),
                column_title(choice.id),
            )
    return found


def run_compare(
    explained: Sequence[dict[str, Any]], signed: bool, measures: Sequence[str], parts: Parts
) -> Result:
    """Explain one picture's classes by one method, and compare the maps.

    Args:
        explained: keywords of ``run_explain``, one for each class.
        signed: as in ``run_compare_classes``, as are the others.
        measures: likewise.
        parts: likewise.

    Raises:
        MethodError: the method is not defined for this model.
    """
    maps = []
    for place, arguments in enumerate(explained):
        with portion(place / len(explained), (place + 1) / len(explained)):
            maps.append(run_explain(**arguments).arrays["relevance"])
    return run_compare_classes(maps, parts.shape[1:], signed, measures, parts)


def class_scores(result: Result) -> ClassScores:
    """What ``run_compare_classes`` and ``run_compare`` found."""
    return ClassScores(**result.arrays)
