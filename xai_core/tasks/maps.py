"""One picture's heatmaps, and how alike they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core.cache import Result, content_key
from xai_core.explainers import Panel
from xai_core.explainers import method as find_method
from xai_core.explainers.support import refusal
from xai_core.similarity import pairwise
from xai_core.tasks.models import Settings, classifier, model_pixels, with_tensors

# Two, so that two users who take turns do not drop each other's. One holds up to 120 MB for a
# 224-pixel picture in VGG-16, and nothing when all its methods have been explained.
PANELS_KEPT = 2

_panels: OrderedDict[str, Panel] = OrderedDict()


def explain_task(
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
        method: id of the method.
        params: settings that differ from the method's defaults; a picture among them, as a
            baseline, in one of the forms of ``image``.
        together: settings of other methods that will be asked for next, by id. It changes
            how long this takes, and nothing else.

    Returns:
        Array "relevance", float32 [C, h, w]; facts method, target, seconds (of the explanation
        itself) and shared_seconds (the part of it in passes that other methods use too).
    """
    clf = classifier(model)
    wanted = find_method(method).settings(with_tensors(clf, params))
    key = content_key(id(clf), image, target)
    panel = _panels.pop(key, None)
    if panel is None or not _same(panel.left.get(method), wanted):
        others = {name: with_tensors(clf, given) for name, given in (together or {}).items()}
        panel = Panel(clf, model_pixels(clf, image), target, {**others, method: wanted})
    try:
        relevance = panel.explain(method)
    finally:
        if panel.left:
            _panels[key] = panel
        while len(_panels) > PANELS_KEPT:
            _panels.popitem(last=False)
    own, shared = panel.seconds[method]
    facts = {
        "method": method,
        "target": target,
        "seconds": own + shared,
        "shared_seconds": shared if len(panel.methods) > 1 else 0.0,
    }
    return Result({"relevance": relevance[0].float().cpu().numpy()}, facts)


def support(model: dict[str, Any], method: str) -> Result:
    """Fact "refusal": why the method does not work on the model, or "" where it does."""
    return Result(facts={"refusal": refusal(classifier(model), method)})


def compare_maps(
    maps: NDArray[np.float32], measure: str, show: str, signed: Sequence[bool]
) -> Result:
    """Score every map [M, H, W] against every other, as ``pairwise``: array "scores" [M, M]."""
    return Result({"scores": pairwise(maps, measure, show, signed=signed)})


def warm_up(model: dict[str, Any]) -> Result:
    """Load a model and explain a grey picture, so that the next explanation is quick."""
    height, width = classifier(model).input_size
    explain_task(model, np.full((3, height, width), 0.5, np.float32), 0, "saliency", {})
    return Result()


def _same(some: Settings | None, others: Settings) -> bool:
    return some is not None and content_key(dict(some)) == content_key(dict(others))
