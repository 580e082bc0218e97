"""What a worker can be asked to do: functions with plain arguments that give a ``Result``.

A model travels as the keywords of ``load_classifier``; each worker keeps the latest ones.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.cache import Result
from xai_core.errors import ImageError, ModelError
from xai_core.explainers import explain
from xai_core.explainers import method as find_method
from xai_core.models import Classifier, load_classifier
from xai_core.models.layers import module_at
from xai_core.similarity import pairwise

MODELS_KEPT = 3


def classifier(model: dict[str, Any]) -> Classifier:
    """The model of these ``load_classifier`` keywords, loaded once while its file is the same."""
    file = Path(model["source"])
    changed = file.stat().st_mtime_ns if file.is_file() else 0
    return _loaded(json.dumps(model, sort_keys=True), changed)


@lru_cache(maxsize=MODELS_KEPT)
def _loaded(model: str, changed: int) -> Classifier:
    return load_classifier(**json.loads(model))


def describe_model(model: dict[str, Any]) -> Result:
    """Load a model, fetching its weights if need be, and say what pages must know about it.

    Returns:
        Facts: title, class_names, layers, cam_layer (None without a convolution), cam_layers
        (those that the CAM family can use), input_size, mean, std, crop, resample,
        fingerprint.
    """
    clf = classifier(model)
    try:
        cam_layer: str | None = clf.cam_layer
    except ModelError:
        cam_layer = None
    return Result(
        facts={
            "title": clf.title,
            "class_names": clf.class_names,
            "layers": clf.layers(),
            "cam_layer": cam_layer,
            "cam_layers": cam_layers(clf),
            "input_size": list(clf.input_size),
            "mean": None if clf.mean is None else list(clf.mean),
            "std": None if clf.std is None else list(clf.std),
            "crop": clf.crop,
            "resample": clf.resample,
            "fingerprint": clf.fingerprint,
        }
    )


def predict(model: dict[str, Any], images: list[NDArray[np.generic]]) -> Result:
    """Classify pictures.

    Args:
        model: keywords of ``load_classifier``.
        images: uint8 [h, w, 3] originals, or float32 [3, H, W] in [0, 1] as the model sees them.

    Returns:
        Arrays "logits" and "probabilities", float32 [N, K].
    """
    clf = classifier(model)
    with torch.no_grad():
        logits = clf.logits(torch.cat([model_pixels(clf, image) for image in images]))
    arrays = {"logits": logits.float(), "probabilities": logits.float().softmax(1)}
    return Result({name: tensor.cpu().numpy() for name, tensor in arrays.items()})


def explain_task(
    model: dict[str, Any],
    image: NDArray[np.generic],
    target: int,
    method: str,
    params: dict[str, Any],
) -> Result:
    """Explain one picture.

    Args:
        model: keywords of ``load_classifier``.
        image: uint8 [h, w, 3] original, or float32 [3, H, W] in [0, 1] as the model sees it.
        target: index of the class to explain.
        method: id of the method.
        params: settings that differ from the method's defaults.

    Returns:
        Array "relevance", float32 [C, h, w]; facts method, settings (all of them), target,
        seconds (of the explanation itself).
    """
    clf = classifier(model)
    settings = find_method(method).settings(params)
    x = model_pixels(clf, image)
    began = time.perf_counter()
    relevance = explain(clf, x, torch.tensor([target]), method=method, **params)
    seconds = time.perf_counter() - began
    facts = {"method": method, "settings": settings, "target": target, "seconds": seconds}
    return Result({"relevance": relevance[0].float().cpu().numpy()}, facts)


def compare_maps(maps: NDArray[np.float32], measure: str, show: str) -> Result:
    """Score every map [M, H, W] against every other: array "scores" [M, M]."""
    return Result({"scores": pairwise(maps, measure, show)})


def warm_up(model: dict[str, Any]) -> Result:
    """Load a model and explain a grey picture, so that the next explanation is quick."""
    height, width = classifier(model).input_size
    explain_task(model, np.full((3, height, width), 0.5, np.float32), 0, "saliency", {})
    return Result()


def cam_layers(clf: Classifier) -> list[str]:
    """Layers that the CAM family can use: those that run once and give maps [N, K, h, w]."""
    twin = clf.private()  # goes away at the end of this function, and the hooks with it
    dimensions: dict[str, list[int]] = {name: [] for name in clf.layers()}
    for name, found in dimensions.items():
        module_at(twin.module, name).register_forward_hook(
            lambda _, __, output, found=found: found.append(getattr(output, "ndim", 0))
        )
    with torch.no_grad():
        twin.logits(torch.zeros((1, 3, *clf.input_size), dtype=clf.dtype, device=clf.device))
    return [name for name, found in dimensions.items() if found == [4]]


def model_pixels(clf: Classifier, image: NDArray[np.generic]) -> Tensor:
    """A picture in either form (see ``explain_task``) -> network input [1, 3, H, W].

    Raises:
        ImageError: the array is neither.
    """
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return clf.preprocess([image.astype(np.uint8)])
    if image.dtype == np.float32 and image.shape == (3, *clf.input_size):
        return clf.normalise(torch.from_numpy(image.astype(np.float32))[None])
    raise ImageError(
        f"A picture of type {image.dtype} and shape {list(image.shape)} does not fit: expected "
        f"uint8 [h, w, 3] or float32 {[3, *clf.input_size]}."
    )
