"""Which layers give a value for every place of the picture.

Class activation maps read a layer's output as one map per channel. Whether its axes are
[N, K, h, w], [N, h, w, K] or [N, tokens, K] cannot be seen from its shape, but from what is
done with it: convolutions take channels first, linear layers and layer normalisation last.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xai_core.errors import MethodError
from xai_core.models.default_layer import Layout, default_layer
from xai_core.models.recording import record_module
from xai_core.models.tape import Step, Tape
from xai_core.models.torch_functions import CONVOLVING

_CHANNELS_FIRST = CONVOLVING | frozenset(
    {
        *(F.batch_norm, F.group_norm, F.instance_norm, F.local_response_norm, F.interpolate),
        *(F.avg_pool2d, F.adaptive_avg_pool2d, F.max_pool2d, torch.max_pool2d),
        *(F.adaptive_max_pool2d, F.pixel_shuffle, F.pixel_unshuffle),
    }
)
_PERMUTING = frozenset({torch.permute, Tensor.permute})
# What comes out of them need not have the axes that went in.
_MOVING = _PERMUTING | frozenset(
    {
        *(torch.reshape, Tensor.reshape, Tensor.view, torch.flatten, Tensor.flatten),
        *(torch.transpose, Tensor.transpose, torch.swapaxes, Tensor.swapaxes),
        *(torch.movedim, Tensor.movedim, torch.unflatten, Tensor.unflatten, torch.einsum),
        *(torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, torch.unbind),
        *(Tensor.unbind, F.scaled_dot_product_attention, torch.stack),
    }
)


@dataclass(frozen=True)
class MapLayers:
    """Where a network can be explained by class activation maps.

    Attributes:
        layouts: axes of the output of every module that runs once and gives a value for every
            place; in the order in which they finish.
        default: the layer to explain if none is chosen; None if there is no convolution.
    """

    layouts: Mapping[str, Layout]
    default: str | None


def find_map_layers(module: nn.Module, probe: Tensor, layers: Sequence[str]) -> MapLayers:
    """Run the network once and see which layers give maps.

    Args:
        module: network in evaluation mode.
        probe: an input, [1, 3, H, W]; its values do not matter.
        layers: names of its layers in the order in which they run.

    Returns:
        The layers with maps, and which of them to explain by default: see ``default_layer``. Of
        a network that overwrites values no more is known than its convolutions; the last of
        them is the default.
    """
    try:
        with torch.no_grad():
            tape = record_module(module, probe)
    except MethodError:  # it overwrites values, so what follows from what is not known
        names = [name for name in layers if isinstance(module.get_submodule(name), nn.Conv2d)]
        return MapLayers(dict.fromkeys(names, "channels first"), names[-1] if names else None)
    layouts = _layouts(tape)
    return MapLayers(layouts, default_layer(tape, layouts))


def token_grid(count: int, size: Sequence[int]) -> tuple[int, int] | None:
    """Rows and columns of ``count`` tokens on a picture of that (height, width).

    Returns:
        The grid in the picture's aspect, also if one of the tokens is a class token; None if
        there is no such grid.
    """
    height, width = size
    for patches in (count, count - 1):
        rows = math.isqrt(patches * height // width)
        if rows and patches % rows == 0 and rows * width == patches // rows * height:
            return rows, patches // rows
    return None


def _layouts(tape: Tape) -> dict[str, Layout]:
    signs = _signs(tape)
    # What a two-dimensional layer gives is certain, whatever is done with it.
    certain = {step.outputs[0] for step in tape.steps if step.function in _CHANNELS_FIRST}
    size = tape.values[0].shape[2:]
    found: dict[str, Layout] = {}
    for name, numbers in tape.layers.items():
        value, seen = tape.values[numbers[0]], signs[numbers[0]]
        if len(numbers) != 1 or len(value) != 1:
            continue
        if value.dim() == 4 and (numbers[0] in certain or seen == {"map, first"}):
            found[name] = "channels first"
        elif value.dim() == 4 and seen - {"last"} == {"map, last"}:
            found[name] = "channels last"
        elif value.dim() == 3 and seen == {"last"} and token_grid(value.shape[1], size):
            found[name] = "tokens"
    return found


def _signs(tape: Tape) -> list[set[str]]:
    """What is known of every value from its own steps and from those of its kin.

    Kin are values between which the axes stay, or channels change ends. A value has channels
    "last" if a linear layer or a normalisation sees it so; it is a map, with channels first or
    last, if it is kin to what two-dimensional layers take or give. Windows of a map, too, are
    four axes with channels last, but no kin of a map.
    """
    signs: list[set[str]] = [set() for _ in tape.values]
    kin: list[tuple[int, int, Mapping[str, str]]] = []
    for step in tape.steps:
        for dimensions in (3, 4):
            places = [
                number
                for number in (*step.inputs, *step.outputs)
                if tape.values[number].dim() == dimensions
            ]
            if step.function in _CHANNELS_FIRST:
                sign = "map, first"
            else:
                sign = "last" if _ends_last(step) else ""
            for number in places if sign else ():
                signs[number].add(sign)
            if step.function not in _MOVING or _turned(step):
                becomes = _TURNED if _turned(step) else _UNTURNED
                kin += [(places[0], other, becomes) for other in places[1:]]
    learning = True
    while learning:
        learning = False
        for one, other, becomes in kin:
            for source, sink in ((one, other), (other, one)):
                new = {becomes[sign] for sign in signs[source] if sign in becomes} - signs[sink]
                signs[sink] |= new
                learning |= bool(new)
    return signs


_UNTURNED: Mapping[str, str] = {sign: sign for sign in ("last", "map, first", "map, last")}
_TURNED: Mapping[str, str] = {"map, first": "map, last", "map, last": "map, first"}


def _ends_last(step: Step) -> bool:
    """Whether a step looks for channels in the last axis."""
    if step.function is F.layer_norm:
        return len(_argument(step, 1, "normalized_shape")) == 1
    return step.function in (F.linear, F.multi_head_attention_forward)


def _turned(step: Step) -> bool:
    """Whether a step takes the channels from one end to the other."""
    if step.function not in _PERMUTING:
        return False
    axes = _argument(step, 1, "dims")
    axes = axes if isinstance(axes, tuple | list) else step.args[1:]
    return tuple(axis % len(axes) for axis in axes) in ((0, 3, 1, 2), (0, 2, 3, 1))


def _argument(step: Step, place: int, name: str) -> Any:
    return step.args[place] if len(step.args) > place else step.kwargs[name]
