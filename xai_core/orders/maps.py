"""Orders about models and one picture's heatmaps."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core import tasks
from xai_core.cache import content_key
from xai_core.explainers.choices import Choice, column_title, completed, replaced
from xai_core.explainers.registry import method
from xai_core.jobs import Task
from xai_core.models.registry import weights_stamp

Model = Mapping[str, Any]
OVERHEAD = 8.0  # a task's fixed cost in passes, as measured on 64-pixel pictures
CHEAP = OVERHEAD + 12.0  # above it, a task keeps others waiting for long


@dataclass(frozen=True)
class Subject:
    """A picture in front of a model, and the class that is explained.

    Attributes:
        hash: content hash of the picture.
        pixels: what the model gets, [3, H, W] in [0, 1].
        target: index of the class.
    """

    hash: str
    pixels: NDArray[np.float32]
    target: int


NONE: Mapping[str, Subject] = {}


def describe(model: Model) -> Task:
    """Load a model (downloading its weights if need be) and state its facts.

    Args:
        model: keywords of ``load_classifier``.
    """
    key = content_key("describe", dict(model), weights_stamp(model["source"]))
    return Task(key, tasks.describe_model, {"model": dict(model)}, title="Loading the model")


def warm_up(model: Model) -> Task:
    """Load a model and explain once, so that the first picture is quick.

    Args:
        model: keywords of ``load_classifier``.
    """
    return Task(uuid.uuid4().hex, tasks.warm_up, {"model": dict(model)}, title="Warming up")


def predict(model: Model, fingerprint: str, hashes: list[str], pixels: NDArray[np.float32]) -> Task:
    """Class probabilities of pictures.

    Args:
        model: as in ``describe``.
        fingerprint: the model's.
        hashes: content hash of each picture.
        pixels: what the model gets, [N, 3, H, W] in [0, 1].
    """
    key = content_key("predict", fingerprint, hashes)
    arguments = {"model": dict(model), "images": list(pixels)}
    return Task(key, tasks.predict, arguments, title="Predicting")


def explain(
    model: Model,
    fingerprint: str,
    subject: Subject,
    choice: Choice,
    pictures: Mapping[str, Subject] = NONE,
) -> Task:
    """One heatmap: a method with settings for one picture and class.

    Args:
        model: as in ``describe``.
        fingerprint: the model's.
        subject: the picture and the class.
        choice: the method.
        pictures: what the words mean that stand for pictures in its settings.

    Raises:
        MethodError: unknown method or setting.
    """
    entry, settings = method(choice.method), completed(choice, pictures)
    hashes = {word: {"picture": picture.hash} for word, picture in pictures.items()}
    pixels = {word: picture.pixels for word, picture in pictures.items()}
    key = content_key(
        "explain",
        fingerprint,
        subject.hash,
        subject.target,
        choice.method,
        replaced(settings, hashes),
    )
    arguments = {
        "model": dict(model),
        "image": subject.pixels,
        "target": subject.target,
        "method": choice.method,
        "params": replaced(settings, pixels),
    }
    title = column_title(choice.id)
    return Task(key, tasks.explain_task, arguments, OVERHEAD + entry.cost(settings), title)


def explain_all(
    model: Model,
    fingerprint: str,
    subjects: Sequence[Subject],
    choices: Sequence[Choice],
    pictures: Mapping[str, Subject] = NONE,
    known: Callable[[str], bool] = lambda key: False,
) -> dict[tuple[str, str], Task]:
    """Every choice for every picture, in the order in which they are best computed.

    Cheap methods come first, picture by picture, so that what they share is not kept for long;
    a costly one waits until every picture has its cheap ones.

    Args:
        model: as in ``describe``.
        fingerprint: the model's.
        subjects: the pictures.
        choices: the methods.
        pictures: as in ``explain``.
        known: whether the result of a key is there already. Such a method shares nothing.

    Returns:
        Tasks by the picture's hash and the column's id.
    """
    found: dict[tuple[str, str], Task] = {}
    asked = {
        subject.hash: [
            (choice, explain(model, fingerprint, subject, choice, pictures)) for choice in choices
        ]
        for subject in subjects
    }
    for costly in (False, True):
        for digest, pairs in asked.items():
            tier = [pair for pair in pairs if (pair[1].cost > CHEAP) == costly]
            tier.sort(key=lambda pair: pair[1].cost)
            # The same method with another base shares nothing with the first.
            together = {
                choice.method: task.arguments["params"]
                for choice, task in reversed(tier)
                if not known(task.key)
            }
            for choice, task in tier:
                arguments = {**task.arguments, "together": together}
                found[digest, choice.id] = replace(task, arguments=arguments)
    return found


def support(model: Model, fingerprint: str, name: str) -> Task:
    """Whether a method works on a model.

    Args:
        model: as in ``describe``.
        fingerprint: the model's.
        name: id of the method.
    """
    entry = method(name)
    key = content_key("support", fingerprint, name)
    arguments = {"model": dict(model), "method": name}
    cost = OVERHEAD + entry.cost(entry.settings(entry.quick))
    return Task(key, tasks.support, arguments, cost, f"Trying {entry.title}")


def similarity(maps: NDArray[np.float32], measure: str, show: str, signed: Sequence[bool]) -> Task:
    """Every map against every other.

    Args:
        maps: [M, H, W], from ``signed_map`` with this ``show``.
        measure: key of ``similarity.MEASURES``.
        show: as in ``similarity.similarity``.
        signed: of each map, whether its method gives negative values.
    """
    kinds = list(signed)
    key = content_key("similarity", maps, measure, show, kinds)
    arguments = {"maps": maps, "measure": measure, "show": show, "signed": kinds}
    return Task(key, tasks.compare_maps, arguments, float(len(maps) ** 2), "Comparing the maps")
