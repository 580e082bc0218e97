"""Gradients that follow the winners of ``ties``, wherever a network takes the largest value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from xai_core.explainers.pooling import POOLING, scattered, windows_of, winners
from xai_core.explainers.ties import first_largest
from xai_core.models.torch_calls import Function, Intercepting

_OVER = frozenset({torch.max, Tensor.max, torch.amax, Tensor.amax})
_OF_TWO = frozenset({torch.max, Tensor.max, torch.maximum, Tensor.maximum})
Back = Callable[[Tensor], Tensor]


class FollowingWinners(Intercepting):
    """Within the block, gradients go back to the first winner, in this thread.

    That holds for max-pooling in two dimensions, for the largest values along other dimensions
    than the first, and for the larger of two values, if both have a gradient. What they give
    stays exactly what it is.
    """

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The function, with the gradient of its first winners."""
        if func in _RULED and torch.is_grad_enabled():
            a = args[0] if args else kwargs.get("input")
            if isinstance(a, Tensor) and a.requires_grad:
                rest = {name: value for name, value in kwargs.items() if name != "input"}
                return _followed(func, a, args[1:], rest)
        return func(*args, **kwargs)


_RULED = POOLING | _OVER | _OF_TWO


def _followed(func: Function, a: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    other = args[0] if args else kwargs.get("other")
    if func in _OF_TWO and isinstance(other, Tensor) and other.requires_grad:
        with torch.no_grad():
            wide = torch.maximum(a, other)
        both = torch.stack([a.expand_as(wide), other.expand_as(wide)], -1)
        func, a, args, kwargs = torch.amax, both, (-1,), {}
    with torch.no_grad():
        result = _quickly(func, a, args, kwargs) if func in POOLING else func(a, *args, **kwargs)
        out = result if isinstance(result, Tensor) else result[0]
        back = _way_back(func, a, out, args, kwargs)
    if back is None:
        return func(a, *args, **kwargs)
    followed = _Following.apply(a, [out], back)
    # With the places beside the values, it is a pair of either.
    return followed if result is out else type(result)((followed, *result[1:]))


def _quickly(func: Function, a: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Max-pooling of channels-last planes, which takes PyTorch a fraction of the time."""
    if a.dim() != 4 or not a.is_contiguous():
        return func(a, *args, **kwargs)
    result = func(a.contiguous(memory_format=torch.channels_last), *args, **kwargs)
    if isinstance(result, Tensor):
        return result.contiguous()
    return tuple(part.contiguous() for part in result)


def _way_back(
    func: Function, a: Tensor, out: Tensor, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Back | None:
    """What makes of the signal at the output that at ``a``; None if pictures compete."""
    if func in POOLING:
        places, size = winners(windows_of(func, (a, *args), kwargs), a, out), a.shape[-2:]
        return lambda signal: scattered(signal, places, size)
    given = args[0] if args else kwargs.get("dim", ())
    dims = [given] if isinstance(given, int) else list(given) if _numbers(given) else []
    dims = [dim % a.dim() for dim in dims]
    if not dims or 0 in dims:
        return None
    return _over(a, dims, kept=out.dim() == a.dim())


def _numbers(given: Any) -> bool:
    return isinstance(given, list | tuple) and all(isinstance(dim, int) for dim in given)


def _over(a: Tensor, dims: Sequence[int], kept: bool) -> Back:
    """The way back from the largest values along some dimensions."""
    dims = sorted(dims)
    last = list(range(-len(dims), 0))
    moved = a.movedim(dims, last)
    place = first_largest(moved.flatten(-len(dims)), -1)[..., None]
    shape = moved.shape

    def back(signal: Tensor) -> Tensor:
        given = (signal.squeeze(dims) if kept else signal)[..., None]
        led = given.new_zeros(shape).flatten(-len(dims)).scatter_(-1, place, given)
        return led.view(shape).movedim(last, dims)

    return back


class _Following(torch.autograd.Function):
    """Gives a value that is known, and leads the signal back by a function that is given."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, known: list[Tensor], back: Back) -> Tensor:
        ctx.back = back
        return known[0]

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None]:
        return ctx.back(signals[0]), None, None
