"""Which kind of node a recorded step is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.nodes import (
    Activation,
    Adding,
    Affine,
    Averaging,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rearranging,
    Rectifier,
    Subtracting,
)
from xai_core.models.tape import Slot, Step, Tape
from xai_core.models.torch_functions import ADDING, MULTIPLYING, RELUS, SMOOTH
from xai_core.models.trees import leaves

_REARRANGING = frozenset(
    {
        *(torch.cat, torch.concat, torch.stack, torch.flatten, Tensor.flatten, torch.reshape),
        *(Tensor.reshape, Tensor.view, Tensor.contiguous, Tensor.clone, torch.clone),
        *(torch.permute, Tensor.permute, torch.transpose, Tensor.transpose, torch.squeeze),
        *(Tensor.squeeze, torch.unsqueeze, Tensor.unsqueeze, Tensor.chunk, torch.chunk),
        *(Tensor.split, torch.split, Tensor.unbind, torch.unbind, Tensor.__getitem__),
        *(torch.narrow, Tensor.narrow, torch.select, Tensor.select, torch.roll, torch.flip),
        *(Tensor.roll, Tensor.flip, F.pad, torch.channel_shuffle, F.channel_shuffle),
        *(F.pixel_shuffle, F.pixel_unshuffle, Tensor.expand, Tensor.to, Tensor.unflatten),
        *(Tensor.view_as, Tensor.reshape_as, Tensor.expand_as, Tensor.type_as),
        *(torch.unflatten, torch.swapaxes, Tensor.swapaxes, torch.movedim, Tensor.movedim),
    }
)
_AVERAGING = frozenset(
    {
        *(F.avg_pool2d, F.adaptive_avg_pool2d, F.interpolate),
        *(torch.mean, Tensor.mean, torch.sum, Tensor.sum),
    }
)
_SUBTRACTING = frozenset({torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})
_SCALING = MULTIPLYING | {torch.neg, Tensor.neg, Tensor.__neg__}
_DIVIDING = frozenset({torch.div, Tensor.div, Tensor.__truediv__})
_CONSTANT = ADDING | _SUBTRACTING | _SCALING | _DIVIDING
_POOLING = frozenset({F.max_pool2d, F.adaptive_max_pool2d, torch.max_pool2d})


def node_of(step: Step, tape: Tape) -> Node:
    """The node of one step, by the function that it calls; a plain ``Node`` for all others.

    What those do is found by ``elementwise.recognised``.

    Args:
        step: the step.
        tape: where it was recorded; its values decide by their shapes.
    """
    place = (step, step.inputs, step.outputs[0])
    function, taken = step.function, slots(step)
    before, after = tape.values[step.inputs[0]], tape.values[step.outputs[0]]
    if function in (F.conv2d, F.linear, F.batch_norm):
        if taken != 1 or not isinstance(_arguments(step, ("input",))["input"], Slot):
            return Node(*place)
        return _WITH_WEIGHTS[function](*place) if before.dim() > 1 else Node(*place)
    if not all(tape.values[number].is_floating_point() for number in step.inputs):
        return Node(*place)
    if function in RELUS:
        return Rectifier(*place, 6.0 if function is F.relu6 else math.inf)
    if function in _REARRANGING:
        return Rearranging(*place)
    if function in _DIVIDING and not isinstance(step.args[0], Slot):
        return Node(*place)
    if function in _CONSTANT and taken == 1 and before.shape == after.shape:
        return Constant(*place)
    for functions, kind, count in (
        (_AVERAGING, Averaging, 1),
        (ADDING, Adding, 2),
        (_SUBTRACTING, Subtracting, 2),
        (_POOLING, MaxPool, 1),
        (SMOOTH, Activation, 1),
    ):
        if function in functions and taken == count:
            return kind(*place)
    return Node(*place)


def slots(step: Step) -> int:
    """How often a step takes a value that depends on the pictures."""
    return sum(isinstance(leaf, Slot) for leaf in leaves((step.args, step.kwargs)))


def _arguments(step: Step, names: Sequence[str]) -> dict[str, Any]:
    return {**dict(zip(names, step.args, strict=False)), **step.kwargs}


def _linear(step: Step, inputs: tuple[int, ...], output: int) -> Node:
    given = _arguments(step, ("input", "weight", "bias"))
    return Affine(step, inputs, output, given["weight"], None, given.get("bias"), None)


def _convolution(step: Step, inputs: tuple[int, ...], output: int) -> Affine:
    names = ("stride", "padding", "dilation", "groups")
    given: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": None}
    given |= _arguments(step, ("input", "weight", "bias", *names))
    options = {name: given[name] for name in names}
    return Affine(step, inputs, output, given["weight"], None, given["bias"], options)


def _normalisation(step: Step, inputs: tuple[int, ...], output: int) -> Node:
    names = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum")
    given: dict[str, Any] = {"weight": None, "bias": None, "training": False, "eps": 1e-5}
    given |= _arguments(step, (*names, "eps"))
    if given["training"] or given["running_mean"] is None:
        return Node(step, inputs, output)
    scale = (given["running_var"] + given["eps"]).rsqrt()
    if given["weight"] is not None:
        scale = scale * given["weight"]
    shift = -given["running_mean"] * scale
    if given["bias"] is not None:
        shift = shift + given["bias"]
    return Normalisation(step, inputs, output, scale, shift)


_WITH_WEIGHTS: Mapping[Any, Callable[[Step, tuple[int, ...], int], Node]] = {
    F.conv2d: _convolution,
    F.linear: _linear,
    F.batch_norm: _normalisation,
}
