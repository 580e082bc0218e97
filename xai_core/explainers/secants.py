"""Slopes between two points, of the steps of a network that are not linear.

Notation: a is the step's input at the pictures, [N, ...], and a0 at what they are compared to,
[P, N or 1, ...]; slopes are [P, N, ...].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xai_core.explainers.nodes import MaxPool, Node, Rectifier, vjp
from xai_core.explainers.pooling import windows_of, winners
from xai_core.explainers.ties import tolerance


def secant(node: Node, a: Tensor, a0: Tensor) -> Tensor:
    """Change of an element-wise function's output by the change of its input.

    Where the input hardly changes and the slopes at both ends agree, it is their mean: for a
    change d its error is about d ** 2, that of the ratio about eps / d, which is more for d
    below eps ** (1 / 3), 6e-6 in float64. Where the slopes differ, as on both sides of a corner,
    it stays the ratio. ReLU and ReLU6 need no such threshold, only that their slope at a corner
    is 0.
    """
    if not isinstance(node, Rectifier):
        return _ratio(node, a, a0)
    slopes = relu_secant(a, a0, equal_up_to(a, a0), node.top)
    return slopes if node.factor == 1 else slopes.mul_(node.factor)


def relu_secant(
    a: Tensor, a0: Tensor, equal: Tensor | float = 0.0, top: float = math.inf
) -> Tensor:
    """(f(a) - f(a0)) / (a - a0) of f(a) = min(ReLU(a), top), without cancellation; 0 at 0 / 0.

    The larger end is the length of the way above zero, if any is below: max(a, a0) / |a - a0|
    lies in [0, 1] where the signs differ, above 1 where both are positive, and below 0 where
    both are negative. What lies above ``top`` is taken off in the same way.

    Args:
        a: one end, [N, ...].
        a0: the other, [P, N or 1, ...].
        equal: up to which difference from a corner a value lies on it.
        top: the other corner.
    """
    way = (a - a0).abs_().clamp_(min=torch.finfo(a.dtype).tiny)
    larger = torch.maximum(a, a0)
    slope = _share(larger, way, equal)
    if math.isinf(top):
        return slope
    return slope.sub_(_share(larger.sub_(top), way, equal))


def _share(above: Tensor, way: Tensor, equal: Tensor | float) -> Tensor:
    """Of a way, what lies above a corner; ``above`` it is its larger end."""
    return (above * (above > equal)).div_(way).clamp_(0, 1)


def _ratio(node: Node, a: Tensor, a0: Tensor) -> Tensor:
    origins = a0.flatten(0, 1)
    (out,), (out0,) = node.step.call(a), node.step.call(origins)
    (slope,) = vjp(node.step.call, (a,), (torch.ones_like(out)[None],))
    (slope0,) = vjp(node.step.call, (origins,), (torch.ones_like(out0)[None],))
    slope0, change = slope0.view(a0.shape), a - a0
    near = torch.finfo(a.dtype).eps ** (1 / 3)
    small = (change.abs() < near) & ((slope - slope0).abs() < near)
    ratio = (out - out0.view(a0.shape)) / change.where(change != 0, 1)
    return torch.where(small | (change == 0), (slope + slope0) / 2, ratio)


def equal_up_to(a: Tensor, a0: Tensor) -> Tensor:
    """Up to which difference values at the pictures or at the origins are equal, [P, N, 1, ...]."""
    at_origins = tolerance(a0.flatten(0, 1))
    return torch.maximum(tolerance(a), at_origins.view(*a0.shape[:2], *at_origins.shape[1:]))


def pool_back(
    node: MaxPool, signal: Tensor, a: Tensor, a0: Tensor, out: Tensor, out0: Tensor
) -> Tensor:
    """Multipliers in front of max-pooling.

    Where its output o exceeds the output o' at ``a0``, the change is divided by the change of
    the winner at ``a``, else by that of the winner at ``a0``. A winner at ``a`` that does not
    change passes the multiplier on as it is, as the gradient does. Winners, and what does not
    change, are told by the rule of ``ties``.

    Args:
        node: the max-pooling.
        signal: multipliers of its output, [P or 1, N, C, h, w].
        a: its input at the pictures, [N, C, H, W].
        a0: its input at what they are compared to, [P, N or 1, C, H, W].
        out: its output at the pictures, [N, C, h, w].
        out0: its output at what they are compared to, [P, N or 1, C, h, w].

    Returns:
        [P, N, C, H, W].
    """
    shape = (len(a0), *a.shape)
    windows = windows_of(node.step.function, node.step.args, node.step.kwargs)
    place = winners(windows, a, out).expand(*shape[:3], -1)
    place0 = winners(windows, a0.flatten(0, 1), out0.flatten(0, 1))
    place0 = place0.view(*a0.shape[:3], -1).expand(*shape[:3], -1)
    flat, flat0 = a.flatten(-2).expand(*shape[:3], -1), a0.flatten(-2).expand(*shape[:3], -1)
    up = flat.gather(-1, place).sub_(flat0.gather(-1, place))
    down = flat.gather(-1, place0).sub_(flat0.gather(-1, place0))
    change, arriving = (out - out0).flatten(-2), signal.flatten(-2)
    equal = equal_up_to(a, a0)[..., 0]
    rising = change.clamp(min=0).div_(up).masked_fill_(up.abs() <= equal, 1)
    falling = change.clamp_(max=0).div_(down).masked_fill_(down.abs() <= equal, 0)
    back = torch.zeros(shape, dtype=a.dtype, device=a.device).flatten(-2)
    back.scatter_add_(-1, place, rising * arriving)
    return back.scatter_add_(-1, place0, falling * arriving).view(shape)
