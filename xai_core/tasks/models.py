"""Models: loaded once by a worker, described, and asked for their predictions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xai_core.cache import Result, content_key
from xai_core.device import VARIABLE, chosen, first_line, has_float64, memory_told
from xai_core.errors import ImageError, ModelError
from xai_core.jobs import Task
from xai_core.models import Classifier, load_classifier
from xai_core.models.registry import weights_stamp
from xai_core.models.repeatability import probe_pixels
from xai_core.models.weight_layers import module_at

MODELS_KEPT = 3
# What scores on a card may differ by, in shares of the largest: far more than rounding, and less
# than what computes wrongly, or in half precision, differs by. Weights in half precision may
# differ by so many of their roundings.
WRONG = 1e-3
ROUNDINGS = 16

Model = Mapping[str, Any]  # keywords of ``load_classifier``
Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A picture in front of a model, and the class that is explained.

    Attributes:
        hash: content hash of the picture.
        pixels: what the model gets, [3, H, W] in [0, 1].
        target: index of the class.
        maps: maps computed elsewhere, [C, h, w], by their column's id, or why there is none.
    """

    hash: str
    pixels: NDArray[np.float32]
    target: int
    maps: Mapping[str, NDArray[np.float32] | str] = field(default_factory=dict)


def classifier(model: dict[str, Any]) -> Classifier:
    """The model of these ``load_classifier`` keywords, loaded once while its files are the same.

    It is on the device that computes here. It is loaded, checked and known by its weights on the
    processor, so that neither depends on the device.

    Raises:
        DeviceError: ``XAI_DEVICE`` names no device that can compute, or it has too little memory.
        ModelError: the model cannot be loaded, or not run there.
    """
    stamp = weights_stamp(model["source"])
    return _loaded(json.dumps(model, sort_keys=True), stamp, chosen())


@lru_cache(maxsize=MODELS_KEPT)
def _loaded(model: str, stamp: str, device: torch.device) -> Classifier:
    return moved(load_classifier(**json.loads(model)), device)


def moved(clf: Classifier, device: torch.device) -> Classifier:
    """The classifier on that device, seen to give the same scores there.

    Where the device has no float64, a model of such weights stays where it is.

    Raises:
        DeviceError: the device has too little memory.
        ModelError: the model does not run there, or gives other scores.
    """
    stays = clf.dtype == torch.float64 and not has_float64(device)
    if clf.device == device or stays:
        return clf
    pixels, there = probe_pixels(clf.input_size)[:1], clf.on(device)
    with torch.no_grad():
        usual = clf.logits(clf.network_input(pixels)).float()
        try:
            with memory_told(device, clf.title):
                found = there.logits(there.network_input(pixels)).float().cpu()
        except RuntimeError as error:
            raise ModelError(
                f"{clf.title} does not run on {device} ({first_line(error)}); compute with "
                f"{VARIABLE}=cpu."
            ) from error
    apart = float((found - usual).abs().max() / usual.abs().max().clamp(min=1e-30))
    if not apart <= max(WRONG, ROUNDINGS * torch.finfo(clf.dtype).eps):
        raise ModelError(
            f"{clf.title} gives other scores on {device} than on the processor, by {apart:.1%} of "
            f"the largest; compute with {VARIABLE}=cpu."
        )
    return there


def describe(model: Model) -> Task:
    """Load a model (downloading its weights if need be) and state its facts.

    Args:
        model: keywords of ``load_classifier``.
    """
    key = content_key("describe", dict(model), weights_stamp(model["source"]))
    return Task(key, run_describe, {"model": dict(model)}, title="Loading the model")


def run_describe(model: dict[str, Any]) -> Result:
    """Load a model, fetching its weights if need be, and say what pages must know about it.

    Returns:
        Facts: title, class_names, layers, cam_layer (None without a convolution), cam_layers
        (those that the CAM family can use), input_size, mean, std, crop, resample,
        squash, fingerprint, outputs (what makes probabilities), notes (sentences about the model).
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
            "squash": clf.squash,
            "fingerprint": clf.fingerprint,
            "outputs": clf.outputs,
            "notes": clf.notes,
        }
    )


def predict(
    model: Model, fingerprint: str, hashes: Sequence[str], pixels: Sequence[NDArray[np.float32]]
) -> Task:
    """Class probabilities of pictures.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        hashes: content hash of each picture.
        pixels: what the model gets of each, [3, H, W] in [0, 1].
    """
    key = content_key("predict", fingerprint, list(hashes))
    arguments = {"model": dict(model), "images": list(pixels)}
    return Task(key, run_predict, arguments, title="Predicting")


def run_predict(model: dict[str, Any], images: list[NDArray[np.generic]]) -> Result:
    """Classify pictures, each by itself: its last digits do not depend on its neighbours.

    Args:
        model: keywords of ``load_classifier``.
        images: uint8 [h, w, 3] originals, or float32 [3, H, W] in [0, 1] as the model sees them.

    Returns:
        Arrays "logits" and "probabilities", float32 [N, K].
    """
    clf = classifier(model)
    logits = torch.cat([scores(clf, image) for image in images])
    arrays = {"logits": logits, "probabilities": clf.probabilities(logits)}
    return Result({name: tensor.numpy() for name, tensor in arrays.items()})


def scores(clf: Classifier, image: NDArray[np.generic]) -> Tensor:
    """Logits of one picture in either form (see ``run_predict``), float32 [1, K]."""
    with torch.no_grad(), memory_told(clf.device, clf.title):
        return clf.logits(model_pixels(clf, image)).float().cpu()


def cam_layers(clf: Classifier) -> list[str]:
    """Layers to offer for the CAM family, in the order in which they run.

    Convolutions that run once, normalisations of tokens or of maps with channels last, and
    the default; of tokens none behind the default, where a class token alone counts.
    """
    layouts = clf.map_layers.layouts
    default = clf.map_layers.default
    convolutions = {name for name in clf.layers() if layouts.get(name) == "channels first"}
    offered: list[str] = []
    for name, layout in layouts.items():
        norm = layout != "channels first" and isinstance(
            module_at(clf.module, name), torch.nn.LayerNorm
        )
        if name in convolutions or norm or name == default:
            offered.append(name)
        if name == default and layout == "tokens":
            break
    return offered


def with_tensors(clf: Classifier, given: Settings) -> dict[str, Any]:
    """Settings with every picture among them as network input [1, 3, H, W].

    The pictures of "baselines" become one tensor [B, 3, H, W].
    """

    def tensor(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return model_pixels(clf, value)
        return [tensor(item) for item in value] if isinstance(value, list | tuple) else value

    found = {name: tensor(value) for name, value in given.items()}
    several = found.get("baselines")
    return {**found, "baselines": torch.cat(several)} if isinstance(several, list) else found


def model_pixels(clf: Classifier, image: NDArray[np.generic]) -> Tensor:
    """A picture in either form (see ``run_predict``) -> network input [1, 3, H, W] of the device.

    Raises:
        ImageError: the array is neither.
    """
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3:
        return clf.preprocess([image.astype(np.uint8)])
    if image.dtype == np.float32 and image.shape == (3, *clf.input_size):
        return clf.network_input(torch.from_numpy(image.astype(np.float32))[None])
    raise ImageError(
        f"A picture of type {image.dtype} and shape {list(image.shape)} does not fit: expected "
        f"uint8 [h, w, 3] or float32 {[3, *clf.input_size]}."
    )
