"""One forward and one backward pass: the logit's gradient at the picture and inside the network."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.sharing import requested, shared
from xai_core.models.classifier import Classifier
from xai_core.models.layers import module_at

# Methods that are nothing but the gradient at the picture.
OF_THE_GRADIENT = ("saliency", "input_x_gradient")


@dataclass(frozen=True)
class Pass:
    """What one pass gave.

    Attributes:
        gradient: df_y/dx, [N, 3, H, W]; empty if it was not asked for.
        outputs: everything that each layer gave, by its dotted name, as it came.
        slopes: gradient of the logit at each of these outputs, None where there is none.
    """

    gradient: Tensor
    outputs: dict[str, list[Any]]
    slopes: dict[str, list[Tensor | None]]


def picture_gradient(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """df_y/dx of every image: x [N, 3, H, W], targets [N] -> [N, 3, H, W]."""
    return _pass(clf, x, targets, _layers_wanted(clf), True).gradient


def activation_and_gradient(
    clf: Classifier, x: Tensor, targets: Tensor, layer: str | None
) -> tuple[Tensor, Tensor]:
    """A layer's output and the gradient of the class's logit with respect to it.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of any module; None for ``clf.cam_layer``.

    Returns:
        A and dA, both [N, K, h, w], detached.

    Raises:
        ModelError: there is no such layer.
        MethodError: its output is not one map per channel, or does not reach the logits
            exactly once.
    """
    name = clf.cam_layer if layer is None else layer
    module_at(clf.module, name)
    layers = tuple(dict.fromkeys((*_layers_wanted(clf), name)))
    picture = any(method in requested() for method in OF_THE_GRADIENT)
    found = _pass(clf, x, targets, layers, picture)
    outputs = found.outputs[name]
    if len(outputs) != 1:
        times = "does not use it" if not outputs else f"uses it {len(outputs)} times"
        raise MethodError(f"Layer '{name}' has no single output: the model {times}.")
    output, slope = outputs[0], found.slopes[name][0]
    if not isinstance(output, Tensor) or output.dim() != 4 or len(output) != len(x):
        raise MethodError(
            f"Layer '{name}' gives no maps [images, channels, height, width]; "
            "choose a convolution or another layer in front of the classifier's last ones."
        )
    if slope is None:
        raise MethodError(f"The scores of the classes do not depend on layer '{name}'.")
    return output.detach(), slope


def _layers_wanted(clf: Classifier) -> tuple[str, ...]:
    """Layers that other methods want of the same pictures, as far as they exist."""
    asked = [settings["layer"] for settings in requested().values() if "layer" in settings]
    if not asked:
        return ()
    known = {name for name, _ in clf.module.named_modules() if name}
    names = (clf.cam_layer if layer is None else layer for layer in asked)
    return tuple(dict.fromkeys(name for name in names if name in known))


@shared
def _pass(
    clf: Classifier, x: Tensor, targets: Tensor, layers: tuple[str, ...], picture: bool
) -> Pass:
    outputs: dict[str, list[Any]] = {name: [] for name in layers}
    point = x.detach().requires_grad_()
    with ExitStack() as hooks:
        for name in layers:
            keep = outputs[name].append
            hooks.enter_context(
                module_at(clf.module, name).register_forward_hook(
                    lambda _, __, output, keep=keep: keep(output)
                )
            )
        scores = clf.logits(point).gather(1, targets[:, None])
    places: Sequence[Tensor] = [
        item
        for found in outputs.values()
        for item in found
        if isinstance(item, Tensor) and item.requires_grad
    ]
    wanted = [*places, *([point] if picture else [])]
    slopes = torch.autograd.grad(scores.sum(), wanted, allow_unused=True) if wanted else ()
    at = {id(place): slope for place, slope in zip(places, slopes, strict=False)}
    return Pass(
        slopes[-1] if picture else x.new_empty(0),
        outputs,
        {name: [at.get(id(item)) for item in found] for name, found in outputs.items()},
    )
