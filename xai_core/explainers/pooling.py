"""Max-pooling: where its windows lie, and which place wins in each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.ties import first_largest, tolerance

ADAPTIVE = frozenset({F.adaptive_max_pool2d, F.adaptive_max_pool2d_with_indices})
POOLING = ADAPTIVE | {F.max_pool2d, F.max_pool2d_with_indices, torch.max_pool2d}
Pair = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """Windows of one size at equal distances; (rows, columns) each.

    Attributes:
        size: places in a window.
        stride: places between the beginnings of two windows.
        padding: places of the first window in front of the input.
        dilation: places between two that belong to a window.
    """

    size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair


def windows_of(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Windows | None:
    """The windows of a call of max-pooling; None if it is adaptive, with windows of many sizes.

    Args:
        function: one of ``POOLING``.
        args: what it is called with, beginning with its input.
        kwargs: what it is called with by name.
    """
    if function in ADAPTIVE:
        return None
    names = ("input", "kernel_size", "stride", "padding", "dilation")
    given: dict[str, Any] = {"stride": None, "padding": 0, "dilation": 1}
    given |= {**dict(zip(names, args, strict=False)), **kwargs}
    size = _pair(given["kernel_size"])
    # An empty stride says the same as none.
    stride = _pair(given["stride"] or size)
    return Windows(size, stride, _pair(given["padding"]), _pair(given["dilation"]))


def _pair(value: Any) -> Pair:
    if isinstance(value, int):
        return value, value
    return int(value[0]), int(value[-1])


def winners(windows: Windows | None, a: Tensor, out: Tensor) -> Tensor:
    """The place of the winner in every window, by the rule of ``ties``.

    Args:
        windows: of the max-pooling; None if it is adaptive.
        a: its input, [N, C, H, W].
        out: its output, [N, C, h, w].

    Returns:
        Places in a plane, int64 [N, C, h * w].
    """
    if windows is None or windows.size[0] * windows.size[1] > out.shape[-2] * out.shape[-1]:
        return _window_by_window(windows, a, out)
    # One place of every window after the other, as bytes: several times quicker than to copy
    # the windows out of the input. The first place counts most, so that it wins.
    count = windows.size[0] * windows.size[1]
    least, padded = out - tolerance(a), _padded(windows, a, out.shape[-2:])
    ahead = torch.zeros_like(out, dtype=torch.uint8 if count < 256 else torch.int32)
    for number, place in enumerate(product(range(windows.size[0]), range(windows.size[1]))):
        here = padded[..., *_every(windows, place, out.shape[-2:])]
        torch.maximum(ahead, (here >= least).to(ahead.dtype) * (count - number), out=ahead)
    begin = _starts(windows, 0, out)[:, None] * a.shape[-1] + _starts(windows, 1, out)
    further = [
        row * windows.dilation[0] * a.shape[-1] + column * windows.dilation[1]
        for row, column in product(*map(range, windows.size))
    ]
    # By what is ahead; nothing is where a window holds what is not a number.
    table = torch.tensor([0, *reversed(further)], device=a.device)
    found = table.index_select(0, ahead.flatten().int()).view(out.shape)
    return found.add_(begin).clamp_(0, a.shape[-2] * a.shape[-1] - 1).flatten(-2)


def _starts(windows: Windows, side: int, out: Tensor) -> Tensor:
    count = torch.arange(out.shape[-2 + side], device=out.device)
    return count * windows.stride[side] - windows.padding[side]


def _padded(windows: Windows, a: Tensor, count: Sequence[int]) -> Tensor:
    """The input with as many infinitely small values around it as the windows reach."""
    around = []
    for side in (1, 0):
        before = windows.padding[side]
        reach = windows.dilation[side] * (windows.size[side] - 1) + 1
        end = (count[side] - 1) * windows.stride[side] + reach
        around += [before, max(0, end - before - a.shape[-2 + side])]
    return F.pad(a, around, value=-torch.inf) if any(around) else a


def _every(windows: Windows, place: Pair, count: Sequence[int]) -> tuple[slice, slice]:
    """One place of every window, as slices of the padded input."""
    starts = [step * at for step, at in zip(windows.dilation, place, strict=True)]
    first, second = (
        slice(start, start + (many - 1) * stride + 1, stride)
        for start, many, stride in zip(starts, count, windows.stride, strict=True)
    )
    return first, second


def _window_by_window(windows: Windows | None, a: Tensor, out: Tensor) -> Tensor:
    """``winners``, for windows of any size."""
    rows, columns = (_ranges(windows, side, a, out) for side in range(2))
    tolerances = tolerance(a)[..., 0]
    places = torch.empty_like(out, dtype=torch.int64).flatten(-2)
    for number in range(places.shape[-1]):
        row, column = rows[number // len(columns)], columns[number % len(columns)]
        window = a[..., row.start : row.stop : row.step, column.start : column.stop : column.step]
        place = first_largest(window.flatten(-2), -1, tolerances)
        down, right = place // len(column), place % len(column)
        places[..., number] = (row.start + down * row.step) * a.shape[-1] + (
            column.start + right * column.step
        )
    return places


def _ranges(windows: Windows | None, side: int, a: Tensor, out: Tensor) -> list[range]:
    """Rows or columns of the windows, as far as they lie in the input."""
    length, count = a.shape[-2 + side], out.shape[-2 + side]
    if windows is None:
        # From the whole place below to the whole place above, as PyTorch divides the input.
        return [range(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
    size, step = windows.size[side], windows.dilation[side]
    starts = [i * windows.stride[side] - windows.padding[side] for i in range(count)]
    return [range(max(s, s % step), min(s + size * step, length), step) for s in starts]


def scattered(signal: Tensor, places: Tensor, size: Sequence[int]) -> Tensor:
    """A signal added up at the winners.

    Args:
        signal: [..., C, h, w].
        places: in a plane, int64 [N, C, h * w].
        size: of the plane, (H, W).

    Returns:
        [..., C, H, W].
    """
    given = signal.flatten(-2)
    back = given.new_zeros((*signal.shape[:-2], *size))
    back.flatten(-2).scatter_add_(-1, places.expand(given.shape), given)
    return back
