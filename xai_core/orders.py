"""Orders for the engine: each of its tasks together with the content key of its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core.cache import content_key
from xai_core.explainers.registry import method
from xai_core.jobs import Task
from xai_core.models.registry import weights_stamp

Model = Mapping[str, Any]
OVERHEAD = 8.0  # a task's fixed cost in passes, as measured on 64-pixel pictures


def describe(model: Model) -> Task:
    """Load a model (downloading its weights if need be) and state its facts.

    Args:
        model: keywords of ``load_classifier``.
    """
    key = content_key("describe", dict(model), weights_stamp(model["source"]))
    return Task(key, "describe_model", {"model": dict(model)}, title="Loading the model")


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
    return Task(key, "predict", arguments, title="Predicting")


def explain(
    model: Model,
    fingerprint: str,
    image_hash: str,
    pixels: NDArray[np.float32],
    target: int,
    name: str,
    given: Mapping[str, Any],
) -> Task:
    """One heatmap: method ``name`` with settings ``given`` for one picture and class.

    Raises:
        MethodError: unknown method or setting.
    """
    entry = method(name)
    settings = entry.settings(given)
    key = content_key("explain", fingerprint, image_hash, target, name, settings)
    arguments = {
        "model": dict(model),
        "image": pixels,
        "target": target,
        "method": name,
        "params": settings,
    }
    return Task(key, "explain_task", arguments, OVERHEAD + entry.cost(settings), entry.title)


def similarity(maps: NDArray[np.float32], measure: str, show: str) -> Task:
    """Every map against every other.

    Args:
        maps: [M, H, W], from ``signed_map`` with this ``show``.
        measure: key of ``similarity.MEASURES``.
        show: as in ``similarity.similarity``.
    """
    key = content_key("similarity", maps, measure, show)
    arguments = {"maps": maps, "measure": measure, "show": show}
    return Task(key, "compare_maps", arguments, float(len(maps) ** 2), "Comparing the maps")
