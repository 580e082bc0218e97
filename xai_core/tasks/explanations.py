"""One picture's heatmaps, and whether a method works on a model at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from xai_core.cache import Result, content_key
from xai_core.errors import MapError, XaiError
from xai_core.explainers import Panel
from xai_core.explainers import method as find_method
from xai_core.explainers.choices import Choice, column_title, completed, replaced
from xai_core.explainers.foreign import stamped
from xai_core.explainers.support import refusal
from xai_core.jobs import Task
from xai_core.own_maps import is_own
from xai_core.progress import portion
from xai_core.tasks.models import (
    Model,
    Settings,
    Subject,
    classifier,
    model_pixels,
    with_tensors,
)

OVERHEAD = 8.0  # a task's fixed cost in passes, as measured on 64-pixel pictures
CHEAP = OVERHEAD + 12.0  # above it, a task keeps others waiting for long
NONE: Mapping[str, Subject] = {}

# Two, so that two users who take turns do not drop each other's. One holds up to 120 MB for a
# 224-pixel picture in VGG-16, and nothing when all its methods have been explained.
PANELS_KEPT = 2

_panels: LRUCache[str, Panel] = LRUCache(PANELS_KEPT)


def explain(
    model: Model,
    fingerprint: str,
    subject: Subject,
    choice: Choice,
    pictures: Mapping[str, Subject] = NONE,
) -> Task:
    """One heatmap: a method with settings for one picture and class.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subject: the picture and the class.
        choice: the method.
        pictures: what the words mean that stand for pictures in its settings.

    Raises:
        MethodError: unknown method or setting.
    """
    if is_own(choice.method):
        return _there(model, fingerprint, subject, choice.method)
    entry, settings = find_method(choice.method), completed(choice, pictures)
    hashes = {word: {"picture": picture.hash} for word, picture in pictures.items()}
    pixels = {word: picture.pixels for word, picture in pictures.items()}
    key = content_key(
        "explain",
        fingerprint,
        subject.hash,
        subject.target,
        stamped(choice.method, settings),
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
    return Task(key, run_explain, arguments, OVERHEAD + entry.cost(settings), title)


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
        model: as in ``explain``.
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
                if not (known(task.key) or is_own(choice.method))
            }
            for choice, task in tier:
                arguments = {**task.arguments, "together": together}
                found[digest, choice.id] = replace(task, arguments=arguments)
    return found


def run_explain(
    model: dict[str, Any],
    image: NDArray[np.generic],
    target: int,
    method: str,
    params: dict[str, Any],
    together: Mapping[str, Settings] | None = None,
) -> Result:
    """Explain one picture.

    What several methods need of the same picture is computed for the first of them and kept
    for the others, until all have been explained or other pictures take the place.

    Args:
        model: keywords of ``load_classifier``.
        image: uint8 [h, w, 3] original, or float32 [3, H, W] in [0, 1] as the model sees it.
        target: index of the class to explain.
        method: id of the method, or of a column of maps computed elsewhere.
        params: settings that differ from the method's defaults; a picture among them, as a
            baseline, in one of the forms of ``image``. Of maps computed elsewhere "map" [C, h, w],
            or "problem", the sentence that says why there is none.
        together: settings of other methods that will be asked for next, by id. It changes
            how long this takes, and nothing else.

    Returns:
        Array "relevance", float32 [C, h, w]; facts method, target, seconds (of the explanation
        itself) and shared_seconds (the part of it in passes that other methods use too).

    Raises:
        MethodError: the method is not defined for this model, or there is no map.
    """
    if is_own(method):
        if "problem" in params:
            raise MapError(params["problem"])
        facts = {"method": method, "target": target, "seconds": 0.0, "shared_seconds": 0.0}
        return Result({"relevance": params["map"]}, facts)
    clf = classifier(model)
    wanted = find_method(method).settings(with_tensors(clf, params))
    key = content_key(id(clf), image, target)
    panel = _panels.pop(key, None)
    if panel is None or not _same(panel.left.get(method), wanted):
        others = {name: with_tensors(clf, given) for name, given in (together or {}).items()}
        panel = Panel(clf, model_pixels(clf, image), target, {**others, method: wanted})
    try:
        return _explained(panel, method, target)
    finally:
        if panel.left:
            _panels[key] = panel


def run_explain_all(asked: Mapping[str, Mapping[str, Any]]) -> dict[str, Result | str]:
    """Explain one picture by several methods in one panel.

    Args:
        asked: keywords of ``run_explain`` by any key; model, picture, class and ``together`` are
            the same in all of them.

    Returns:
        By the same keys that of ``run_explain``, or the sentence that says why there is none.
    """
    found: dict[str, Result | str] = {}
    panel: Panel | None = None
    for number, (key, one) in enumerate(asked.items()):
        together, method = one.get("together") or {}, one["method"]
        with portion(number / len(asked), (number + 1) / len(asked)):
            try:
                if together.get(method) is not one["params"]:  # the method a second time, or maps
                    found[key] = run_explain(**one)
                    continue
                if panel is None:
                    clf = classifier(one["model"])
                    given = {name: with_tensors(clf, own) for name, own in together.items()}
                    panel = Panel(clf, model_pixels(clf, one["image"]), one["target"], given)
                found[key] = _explained(panel, method, one["target"])
            except XaiError as error:
                found[key] = str(error)
    return found


def _explained(panel: Panel, method: str, target: int) -> Result:
    """That of ``run_explain``."""
    relevance = panel.explain(method)
    own, shared = panel.seconds[method]
    facts = {
        "method": method,
        "target": target,
        "seconds": own + shared,
        "shared_seconds": shared if len(panel.methods) > 1 else 0.0,
    }
    return Result({"relevance": relevance[0].float().cpu().numpy()}, facts)


def support(model: Model, fingerprint: str, name: str) -> Task:
    """Whether a method works on a model.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        name: id of the method.
    """
    entry = find_method(name)
    key = content_key("support", fingerprint, stamped(name, {}))
    arguments = {"model": dict(model), "method": name}
    cost = OVERHEAD + entry.cost(entry.settings(entry.quick))
    return Task(key, run_support, arguments, cost, f"Trying {entry.title}")


def run_support(model: dict[str, Any], method: str) -> Result:
    """Fact "refusal": why the method does not work on the model, or "" where it does."""
    return Result(facts={"refusal": refusal(classifier(model), method)})


def warm_up(model: Model) -> Task:
    """Load a model and explain once, so that the first picture is quick.

    Args:
        model: keywords of ``load_classifier``.
    """
    return Task(uuid.uuid4().hex, run_warm_up, {"model": dict(model)}, title="Warming up")


def run_warm_up(model: dict[str, Any]) -> Result:
    """Load a model and explain a grey picture."""
    height, width = classifier(model).input_size
    run_explain(model, np.full((3, height, width), 0.5, np.float32), 0, "saliency", {})
    return Result()


def _there(model: Model, fingerprint: str, subject: Subject, column: str) -> Task:
    """A map that is there already, as the task of any other."""
    lost = f"There is no map of “{column_title(column)}” for this picture."
    found = subject.maps.get(column, lost)
    params = {"problem" if isinstance(found, str) else "map": found}
    key = content_key("map", fingerprint, subject.hash, subject.target, column, params)
    arguments = {
        "model": dict(model),
        "image": subject.pixels,
        "target": subject.target,
        "method": column,
        "params": params,
    }
    return Task(key, run_explain, arguments, 1.0, column_title(column))


def _same(some: Settings | None, others: Settings) -> bool:
    return some is not None and content_key(dict(some)) == content_key(dict(others))
