"""Reliability of heatmaps: one picture's numbers, the way to them, and the filter."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.apem import filter_relevance, tracing
from xai_core.apem.one_picture import Metric, picture_rows, staged_map
from xai_core.cache import Result, content_key
from xai_core.device import memory_told
from xai_core.errors import MethodError, ModelError
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task
from xai_core.models import Classifier
from xai_core.progress import portion
from xai_core.tasks.explanations import NONE, explain_all, run_explain
from xai_core.tasks.models import Model, Subject, classifier, model_pixels, scores

# In passes, as measured on vgg-tiny: what a search takes for one map, without shuffled ones.
SEARCH = 60.0
APEM = "APEM"


def measure_all(
    model: Model,
    fingerprint: str,
    subjects: Sequence[Subject],
    choices: Sequence[Choice],
    metric: Metric,
    pictures: Mapping[str, Subject] = NONE,
) -> dict[tuple[str, str], Task]:
    """Every method's numbers for every picture.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subjects: the pictures, with the class that is explained.
        choices: the methods.
        metric: how maps are measured.
        pictures: as in ``explain``.

    Returns:
        Tasks by the picture's hash and the column's id.
    """
    explained = explain_all(model, fingerprint, subjects, choices, pictures)
    options = asdict(metric)
    found = {}
    for (digest, column), task in explained.items():
        key = content_key("apem-rows", task.key, column, options)
        cost = task.cost + SEARCH * len(metric.stages) * (1 + metric.shuffles)
        arguments = {
            "explained": task.arguments,
            "column": column,
            "metric": options,
            "explaining": task.cost / cost,
        }
        found[digest, column] = Task(key, run_measure, arguments, cost, task.title)
    return found


def run_measure(
    explained: dict[str, Any], column: str, metric: dict[str, Any], explaining: float
) -> Result:
    """Explain one picture by one method, and measure the map at several stages.

    Args:
        explained: keywords of ``run_explain``.
        column: what the method is called in the rows.
        metric: fields of ``Metric``.
        explaining: which part of the task it is to explain, 0 to 1.

    Returns:
        Facts "rows" (``picture_rows``) and "outputs" (``Classifier.outputs``); array "logits"
        [K].
    """
    clf, image = classifier(explained["model"]), explained["image"]
    x = model_pixels(clf, image)
    try:
        with portion(0, explaining):
            raw = run_explain(**explained).arrays["relevance"]
        with portion(explaining, 1), memory_told(clf.device, APEM):
            rows = picture_rows(clf, x, {column: torch.from_numpy(raw)[None]}, **metric)
    except (MethodError, ModelError) as error:
        rows = [
            {"method": column, "stage": stage, "problem": str(error)} for stage in metric["stages"]
        ]
    logits = scores(clf, image)[0].numpy()
    return Result({"logits": logits}, {"rows": rows, "outputs": clf.outputs})


def trace(model: Model, explained: Task, relevance: Any, stage: str, eps_max: int) -> Task:
    """What the network says along one map and along its opposite.

    Args:
        model: keywords of ``load_classifier``.
        explained: the task that gave the map.
        relevance: the raw map, [C, h, w].
        stage: of ``heatmaps.STAGES``.
        eps_max: the most steps.
    """
    settings = {"stage": stage, "eps_max": eps_max}
    return _of_map(run_trace, "Stepping", model, explained, relevance, settings)


def run_trace(
    model: dict[str, Any],
    image: NDArray[np.generic],
    relevance: NDArray[np.float32],
    stage: str,
    eps_max: int,
) -> Result:
    """The computation of ``trace``; the image is as in ``run_explain``.

    Returns:
        Arrays "map" [C, H, W] and those of ``Trace``; facts eps_minus, eps_plus, and the seconds
        that one number of steps took.
    """
    clf, x, staged = _prepared(model, image, relevance, stage)
    began = time.perf_counter()
    with memory_told(clf.device, APEM):
        found = tracing.trace(clf, x, staged, eps_max=eps_max)
    seconds = (time.perf_counter() - began) / found.classes.size
    arrays = {"map": staged[0].float().cpu().numpy(), **vars(found)}
    facts = {name: arrays.pop(name) for name in ("eps_minus", "eps_plus")}
    return Result(arrays, {**facts, "seconds": seconds})


def filtering(
    model: Model, explained: Task, relevance: Any, stage: str, eps_max: int, exact: bool
) -> Task:
    """The filtered map; arguments as in ``trace``, and ``exact`` as in ``filter_relevance``."""
    settings = {"stage": stage, "eps_max": eps_max, "exact": exact}
    return _of_map(run_filter, "Filtering", model, explained, relevance, settings)


def run_filter(
    model: dict[str, Any],
    image: NDArray[np.generic],
    relevance: NDArray[np.float32],
    stage: str,
    eps_max: int,
    exact: bool,
) -> Result:
    """The computation of ``filtering``; the image is as in ``run_explain``.

    Returns:
        Arrays "map" (the whole map) and "filtered" [C, H, W], and along the path "threshold",
        "kept", "eps_minus" and "eps_plus" (NaN where censored).
    """
    clf, x, staged = _prepared(model, image, relevance, stage)
    # It changes no number which class is called the true one.
    with memory_told(clf.device, APEM):
        found = filter_relevance(clf, x, 0, staged, eps_max=eps_max, exact=exact)
    columns = ("threshold", "kept", "eps_minus", "eps_plus")
    path = {name: found.path[0][name].to_numpy(float, na_value=np.nan) for name in columns}
    maps = {"map": staged[0], "filtered": found.map[0]}
    arrays = {name: one.float().cpu().numpy() for name, one in maps.items()}
    return Result({**arrays, **path}, {"kept": float(found.kept[0])})


def _of_map(
    run: Callable[..., Result],
    title: str,
    model: Model,
    explained: Task,
    relevance: Any,
    settings: Mapping[str, Any],
) -> Task:
    """What asks for a computation with one map."""
    image = explained.arguments["image"]
    arguments = {"model": dict(model), "image": image, "relevance": relevance, **settings}
    key = content_key(run.__name__, explained.key, settings)
    return Task(key, run, arguments, SEARCH, title)


def _prepared(
    model: dict[str, Any], image: NDArray[np.generic], relevance: NDArray[np.float32], stage: str
) -> tuple[Classifier, Tensor, Tensor]:
    """The classifier, its input [1, 3, H, W] and the map at its stage [1, C, H, W]."""
    clf = classifier(model)
    x = model_pixels(clf, image)
    return clf, x, staged_map(clf, x, torch.from_numpy(relevance)[None], stage)
