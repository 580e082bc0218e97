"""Reliability of heatmaps: one picture's numbers, the way to them, and the filter."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.apem import filter_relevance
from xai_core.apem.one_picture import picture_rows, staged_map
from xai_core.apem.tracing import trace
from xai_core.cache import Result
from xai_core.errors import MethodError, ModelError
from xai_core.models import Classifier
from xai_core.progress import portion
from xai_core.tasks.maps import explain_task
from xai_core.tasks.models import Settings, classifier, model_pixels


def apem_rows(
    model: dict[str, Any],
    image: NDArray[np.generic],
    target: int,
    column: str,
    method: str,
    params: dict[str, Any],
    metric: dict[str, Any],
    explaining: float,
    together: dict[str, Settings] | None = None,
) -> Result:
    """Explain one picture by one method, and measure the map at several stages.

    Args:
        model: keywords of ``load_classifier``.
        image: as in ``explain_task``.
        target: as in ``explain_task``.
        column: what the method is called in the rows.
        method: as in ``explain_task``.
        params: as in ``explain_task``.
        metric: stages, shuffles, seed and eps_max of ``picture_rows``.
        explaining: which part of the task it is to explain, 0 to 1.
        together: as in ``explain_task``.

    Returns:
        Facts "rows" (``picture_rows``) and "outputs" (``Classifier.outputs``); array "logits"
        [K].
    """
    clf = classifier(model)
    x = model_pixels(clf, image)
    stages = metric["stages"]
    try:
        with portion(0, explaining):
            raw = explain_task(model, image, target, method, params, together).arrays["relevance"]
        with portion(explaining, 1):
            rows = picture_rows(clf, x, {column: torch.from_numpy(raw)[None]}, **metric)
    except (MethodError, ModelError) as error:
        rows = [{"method": column, "stage": stage, "problem": str(error)} for stage in stages]
    with torch.no_grad():
        logits = clf.logits(x)[0].float().cpu().numpy()
    return Result({"logits": logits}, {"rows": rows, "outputs": clf.outputs})


def apem_trace(
    model: dict[str, Any],
    image: NDArray[np.generic],
    relevance: NDArray[np.float32],
    stage: str,
    eps_max: int,
) -> Result:
    """What the network says along one map and along its opposite.

    Args:
        model: keywords of ``load_classifier``.
        image: as in ``explain_task``.
        relevance: raw, [C, h, w].
        stage: of ``heatmaps.STAGES``.
        eps_max: the most steps.

    Returns:
        Arrays "map" [C, H, W] and those of ``Trace``; facts eps_minus, eps_plus, and the seconds
        that one number of steps took.
    """
    clf, x, staged = _prepared(model, image, relevance, stage)
    began = time.perf_counter()
    found = trace(clf, x, staged, eps_max=eps_max)
    seconds = (time.perf_counter() - began) / found.classes.size
    arrays = {
        "map": staged[0].float().cpu().numpy(),
        "classes": found.classes,
        "top": found.top,
        "own": found.own,
        "signs": found.signs,
    }
    facts = {"eps_minus": found.eps_minus, "eps_plus": found.eps_plus, "seconds": seconds}
    return Result(arrays, facts)


def apem_filter(
    model: dict[str, Any],
    image: NDArray[np.generic],
    relevance: NDArray[np.float32],
    stage: str,
    eps_max: int,
    exact: bool,
) -> Result:
    """Filter one map.

    Args:
        model: keywords of ``load_classifier``.
        image: as in ``explain_task``.
        relevance: raw, [C, h, w].
        stage: of ``heatmaps.STAGES``.
        eps_max: the most steps.
        exact: as in ``filter_relevance``.

    Returns:
        Arrays "map" (the whole map) and "filtered" [C, H, W], and along the path "threshold",
        "kept", "eps_minus" and "eps_plus" (NaN where censored).
    """
    clf, x, staged = _prepared(model, image, relevance, stage)
    # It changes no number which class is called the true one.
    found = filter_relevance(clf, x, 0, staged, eps_max=eps_max, exact=exact)
    columns = ("threshold", "kept", "eps_minus", "eps_plus")
    path = {name: found.path[0][name].to_numpy(float, na_value=np.nan) for name in columns}
    maps = {"map": staged[0], "filtered": found.map[0]}
    arrays = {name: one.float().cpu().numpy() for name, one in maps.items()}
    return Result({**arrays, **path}, {"kept": float(found.kept[0])})


def _prepared(
    model: dict[str, Any], image: NDArray[np.generic], relevance: NDArray[np.float32], stage: str
) -> tuple[Classifier, Tensor, Tensor]:
    """The classifier, its input [1, 3, H, W] and the map at its stage [1, C, H, W]."""
    clf = classifier(model)
    x = model_pixels(clf, image)
    return clf, x, staged_map(clf, x, torch.from_numpy(relevance)[None], stage)
