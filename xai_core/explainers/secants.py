"""Slopes between two points, of the steps of a network that are not linear.

Notation: a is the step's input at the pictures, [N, ...], and a0 at what they are compared to,
[P, N or 1, ...]; slopes are [P, N, ...].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.nodes import MaxPool, Node, Rectifier, vjp


def secant(node: Node, a: Tensor, a0: Tensor) -> Tensor:
    """Change of an element-wise function's output by the change of its input.

    Where the input changes by less than 1e-10 (1e-6 unless in float64), it is the slope at
    ``a``. ReLU and ReLU6 need no such threshold, only that their slope at a corner is 0.
    """
    if not isinstance(node, Rectifier):
        return _ratio(node, a, a0)
    slope = relu_secant(a, a0)
    if not math.isinf(node.top):
        slope = slope - relu_secant(a - node.top, a0 - node.top)
    return slope if node.factor == 1 else slope.mul_(node.factor)


def relu_secant(a: Tensor, a0: Tensor) -> Tensor:
    """(ReLU(a) - ReLU(a0)) / (a - a0) in a form without cancellation; 0 at 0 / 0.

    The larger end is the length of the way above zero, if any is below: max(a, a0) / |a - a0|
    lies in [0, 1] where the signs differ, above 1 where both are positive, and below 0 where
    both are negative.
    """
    way = (a - a0).abs_().clamp_(min=torch.finfo(a.dtype).tiny)
    return torch.maximum(a, a0).div_(way).clamp_(0, 1)


def _ratio(node: Node, a: Tensor, a0: Tensor) -> Tensor:
    (out,), (out0,) = node.step.call(a), node.step.call(a0.flatten(0, 1))
    change = a - a0
    small = change.abs() < (1e-10 if change.dtype == torch.float64 else 1e-6)
    (slope,) = vjp(node.step.call, (a,), (torch.ones_like(out)[None],))
    ratio = (out - out0.reshape(a0.shape)) / change.where(~small, 1)
    return torch.where(small, slope, ratio)


def pool_back(node: MaxPool, signal: Tensor, a: Tensor, a0: Tensor) -> Tensor:
    """Multipliers in front of max-pooling.

    Where its output o exceeds the output o' at ``a0``, the change is divided by the change of
    the winner at ``a``, else by that of the winner at ``a0``. A winner at ``a`` that does not
    change passes the multiplier on as it is, as the gradient does.

    Args:
        node: the max-pooling.
        signal: multipliers of its output, [P or 1, N, C, h, w].
        a: its input at the pictures, [N, C, H, W].
        a0: its input at what they are compared to, [P, N or 1, C, H, W].

    Returns:
        [P, N, C, H, W].
    """
    shape = (len(a0), *a.shape)
    place = _winners(node, a).expand(*shape[:3], -1)
    place0 = _winners(node, a0.flatten(0, 1)).view(*a0.shape[:3], -1).expand(*shape[:3], -1)
    flat, flat0 = a.flatten(-2).expand(*shape[:3], -1), a0.flatten(-2).expand(*shape[:3], -1)
    top, below = flat.gather(-1, place), flat0.gather(-1, place)
    top0, below0 = flat0.gather(-1, place0), flat.gather(-1, place0)
    change, arriving = top - top0, signal.flatten(-2)
    rising = change.clamp(min=0).div_(top - below).masked_fill_(top == below, 1)
    falling = change.clamp_(max=0).div_(below0 - top0).masked_fill_(below0 == top0, 0)
    back = torch.zeros(shape, dtype=a.dtype, device=a.device).flatten(-2)
    back.scatter_add_(-1, place, rising * arriving)
    return back.scatter_add_(-1, place0, falling * arriving).view(shape)


def _winners(node: MaxPool, a: Tensor) -> Tensor:
    """Flat place of every window's first largest input: [N, C, H, W] -> int64 [N, C, h * w]."""
    step = node.step
    adaptive = step.function is F.adaptive_max_pool2d
    names = ["output_size"] if adaptive else ["kernel_size", "stride", "padding", "dilation"]
    given = {**dict(zip([*names, "ceil_mode"], step.args[1:], strict=False)), **step.kwargs}
    given = {name: given[name] for name in given if name not in ("input", "return_indices")}
    pool = F.adaptive_max_pool2d if adaptive else F.max_pool2d
    places: Tensor = pool(a, **given, return_indices=True)[1]
    return places.flatten(-2)
