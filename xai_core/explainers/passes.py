"""One forward and one backward pass: the logit's gradient at the picture and inside the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, read_shared
from xai_core.explainers.recorded_gradient import (
    GRADIENT,
    gradients,
    layers_wanted,
    recorded_signals,
)
from xai_core.explainers.refusals import no_maps, not_once, without_influence
from xai_core.explainers.sharing import requested, shared
from xai_core.models.classifier import Classifier
from xai_core.models.map_layers import token_grid
from xai_core.models.trees import tensors
from xai_core.models.weight_layers import module_at

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
    return _pass(clf, x, targets, layers_wanted(clf), True).gradient


def logit_gradient(clf: Classifier) -> Callable[[Tensor, Tensor], Tensor]:
    """The same as a function of x and targets, for many pictures that are used once.

    It is shared with no other method, and the classifier's weights stay the same meanwhile.
    """
    logits = clf.quick_logits()

    def gradient(x: Tensor, targets: Tensor) -> Tensor:
        with torch.enable_grad():
            point = x.detach().requires_grad_()
            scores = logits(point).gather(1, targets[:, None])
            return torch.autograd.grad(scores.sum(), point)[0]

    return gradient


def activation_and_gradient(
    clf: Classifier, x: Tensor, targets: Tensor, layer: str | None
) -> tuple[Tensor, Tensor]:
    """A layer's output and the gradient of the class's logit with respect to it.

    Channels that are last in the layer's output are put first; the tokens of a transformer
    are put on their grid, without the class token.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of any module; None for ``clf.cam_layer``.

    Returns:
        A and dA, both [N, K, h, w], detached.

    Raises:
        ModelError: there is no such layer.
        MethodError: its output is no map, or does not reach the logits exactly once.
    """
    name = clf.cam_layer if layer is None else layer
    module_at(clf.module, name)
    layers = tuple(dict.fromkeys((*layers_wanted(clf), name)))
    picture = any(method in requested() for method in OF_THE_GRADIENT)
    found = _pass(clf, x, targets, layers, picture)
    outputs = found.outputs[name]
    if len(outputs) != 1:
        raise not_once(name, len(outputs))
    output, slope = outputs[0], found.slopes[name][0]
    _check_is_map(clf, x, name, output)
    if slope is None:
        raise without_influence(name)
    layout = clf.map_layers.layouts[name]
    if layout == "channels last":
        return output.detach().permute(0, 3, 1, 2), slope.permute(0, 3, 1, 2)
    if layout == "tokens":
        return _on_grid(clf, x, name, output.detach(), slope)
    return output.detach(), slope


def _check_is_map(clf: Classifier, x: Tensor, name: str, output: Any) -> None:
    if not isinstance(output, Tensor) or output.dim() not in (3, 4) or len(output) != len(x):
        raise no_maps(name)
    if name not in clf.map_layers.layouts:
        raise MethodError(
            f"Layer '{name}' gives an output of shape {list(output.shape)}, of which it cannot "
            f"be told which axes are the picture's places; choose a convolution{_such_as(clf)}."
        )


def _such_as(clf: Classifier) -> str:
    return f", such as '{clf.map_layers.default}'" if clf.map_layers.default else ""


def _on_grid(
    clf: Classifier, x: Tensor, name: str, tokens: Tensor, slope: Tensor
) -> tuple[Tensor, Tensor]:
    """Tokens [N, T, K] and their gradient -> [N, K, h, w] each, without the class token."""
    grid = token_grid(tokens.shape[1], x.shape[2:])
    if grid is None:
        raise MethodError(
            f"Layer '{name}' gives {tokens.shape[1]} tokens, which are no grid on a picture of "
            f"{x.shape[2]} × {x.shape[3]} pixels."
        )
    count = grid[0] * grid[1]
    classes, places = slope[:, :-count], slope[:, -count:]
    if bool((classes.flatten(1).any(1) & ~places.flatten(1).any(1)).any()):
        raise MethodError(
            f"Behind layer '{name}' the class token alone counts, so that no place of the "
            f"picture has a gradient there; choose a layer in front of the last "
            f"attention{_such_as(clf)}."
        )
    shape = (len(x), -1, *grid)
    return tokens[:, -count:].transpose(1, 2).reshape(shape), places.transpose(1, 2).reshape(shape)


def _pass(
    clf: Classifier, x: Tensor, targets: Tensor, layers: tuple[str, ...], picture: bool
) -> Pass:
    back = recorded_signals(clf, x, targets, GRADIENT, layers)
    if back is None:
        return _fresh(clf, x, targets, layers, picture)
    return _read_off(back.graph, layers, back.pictures[GRADIENT], back.inside)


@shared
def _fresh(
    clf: Classifier, x: Tensor, targets: Tensor, layers: tuple[str, ...], picture: bool
) -> Pass:
    overwriting = any(getattr(module_at(clf.module, name), "inplace", False) for name in layers)
    found = None if overwriting else _differentiated(clf, x, targets, layers, picture)
    return found or _recorded(clf, x, targets, layers, picture)


def _differentiated(
    clf: Classifier, x: Tensor, targets: Tensor, layers: tuple[str, ...], picture: bool
) -> Pass | None:
    """By autograd; None if a layer's output shares its memory with what else may be used."""
    outputs: dict[str, list[Any]] = {name: [] for name in layers}
    versions: list[tuple[Tensor, int]] = []
    handed_on: list[str] = []

    def keep(name: str, given: Any, output: Any) -> Any:
        if not isinstance(output, Tensor):
            outputs[name].append(output)
            return output
        memory = output.untyped_storage().data_ptr()
        if any(item.untyped_storage().data_ptr() == memory for item in tensors(given)):
            handed_on.append(name)
        # Where the picture's gradient is not wanted, differentiation begins at the first layer.
        kept = output if output.requires_grad else output.detach().requires_grad_()
        outputs[name].append(kept)
        versions.append((kept, kept._version))
        # What follows may overwrite the copy.
        return kept.clone()

    point = x.detach().requires_grad_(picture)
    with ExitStack() as hooks:
        for name in layers:
            hooks.enter_context(
                module_at(clf.module, name).register_forward_hook(
                    lambda _, given, output, name=name: keep(name, given, output)
                )
            )
        scores = clf.logits(point).gather(1, targets[:, None])
    if handed_on or any(kept._version != version for kept, version in versions):
        # The network may go on with, or overwrite, another tensor in the same memory.
        return None
    places: Sequence[Tensor] = [
        item for found in outputs.values() for item in found if isinstance(item, Tensor)
    ]
    wanted = [*places, *([point] if picture else [])]
    slopes: Sequence[Tensor | None] = [None] * len(wanted)
    if scores.requires_grad and wanted:
        slopes = torch.autograd.grad(scores.sum(), wanted, allow_unused=True)
    at = {id(place): slope for place, slope in zip(places, slopes, strict=False)}
    gradient = slopes[-1] if picture else x.new_empty(0)
    return Pass(
        torch.zeros_like(x) if gradient is None else gradient,
        outputs,
        {name: [at.get(id(item)) for item in found] for name, found in outputs.items()},
    )


def _recorded(
    clf: Classifier, x: Tensor, targets: Tensor, layers: tuple[str, ...], picture: bool
) -> Pass:
    """The same from a recorded run, in which every layer's output is what it was when given."""
    graph = read_shared(clf, x, False)
    inside = [number for name in layers for number in graph.layers.get(name, ())]
    slopes = gradients(graph, targets, [*inside, *([0] if picture else [])])
    reached = {number: slopes[number] for number in inside if graph.leads_to_logits(number)}
    return _read_off(graph, layers, slopes[0] if picture else x.new_empty(0), reached)


def _read_off(
    graph: Graph, layers: tuple[str, ...], gradient: Tensor, slopes: Mapping[int, Tensor]
) -> Pass:
    """What a recorded run tells of the layers; ``slopes`` by the numbers of the values."""
    numbers = {name: graph.layers.get(name, ()) for name in layers}
    return Pass(
        gradient,
        {name: [graph.values[number] for number in found] for name, found in numbers.items()},
        {name: [slopes.get(number) for number in found] for name, found in numbers.items()},
    )
