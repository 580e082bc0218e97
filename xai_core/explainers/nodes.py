"""The kinds of steps that a recorded network is read as.

Signals that go back have one axis in front of the value's own, [P, N, ...]: P variants (such
as the presets of LRP) share one forward pass and go back as one batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.models.tape import Step

# Weights of a linear layer that ``Affine.blocks`` gives at once: they stay in the cache.
_BLOCK = 2**19


@dataclass(frozen=True, eq=False)
class Node:
    """One step of the network.

    Attributes:
        step: the call.
        inputs: numbers of the values it takes.
        output: number of the value it gives, or the first of several.
    """

    step: Step
    inputs: tuple[int, ...]
    output: int

    @property
    def outputs(self) -> tuple[int, ...]:
        """Numbers of all values that it gives."""
        return self.step.outputs if len(self.step.outputs) > 1 else (self.output,)

    @property
    def label(self) -> str:
        """The node in words, for errors."""
        return self.step.label


class Rearranging(Node):
    """Moves values, or copies or drops some: flatten, cat, index, pad."""


class Averaging(Node):
    """Sums with positive weights: pooling by averages, means, interpolation."""


class Adding(Node):
    """The sum of two values that both depend on the pictures."""


class Subtracting(Node):
    """The difference of two values that both depend on the pictures."""


class Constant(Node):
    """Multiplies by a constant, or adds one, or both."""


@dataclass(frozen=True, eq=False)
class Rectifier(Node):
    """``factor * min(max(a, 0), top)``: a ReLU, in whatever words.

    Attributes:
        top: where it stops to rise, as ReLU6 does at 6.
        factor: slope where it rises.
    """

    top: float = math.inf
    factor: float = 1.0

    def passed(self, signal: Tensor, a: Tensor) -> Tensor:
        """What comes through where it rises, of a signal [..., *a.shape] behind ``factor``.

        At the corners it does not rise, as in autograd's ReLU and ReLU6.
        """
        if math.isinf(self.top) and signal.shape == a.shape:
            # What autograd calls for a ReLU itself: several times faster than a mask.
            led: Tensor = torch.ops.aten.threshold_backward(signal, a, 0)
            return led
        return signal * ((a > 0) & (a < self.top))


class Activation(Node):
    """An element-wise function of one value, other than ``Rectifier`` and ``Constant``."""


class MaxPool(Node):
    """Largest value of every window; in a tie the first, see ``ties``."""


@dataclass(frozen=True, eq=False)
class Normalisation(Node):
    """BatchNorm by itself: ``a * scale + shift``, per channel.

    Attributes:
        scale, shift: [channels].
    """

    scale: Tensor
    shift: Tensor


@dataclass(frozen=True, eq=False)
class Affine(Node):
    """A convolution or linear layer, with the BatchNorm that follows it if that was folded.

    Attributes:
        raw: the layer's own weight, [outputs, inputs, ...].
        scale: factor of the folded BatchNorm, [outputs], or None.
        bias: with the BatchNorm's share, [outputs], or None.
        options: stride, padding, dilation and groups of a convolution; None for linear.
    """

    raw: Tensor
    scale: Tensor | None
    bias: Tensor | None
    options: Mapping[str, Any] | None

    @cached_property
    def weight(self) -> Tensor:
        """With the BatchNorm's share, [outputs, inputs, ...]."""
        return self._scaled(slice(None))

    def blocks(self) -> Iterator[tuple[slice, Tensor]]:
        """Outputs and their ``weight``, for rules that can treat some outputs after the others.

        A linear layer comes in pieces, because making and reading new weights costs more than
        to multiply by them; a convolution comes as a whole.
        """
        if self.options is not None:
            yield slice(None), self.weight
            return
        size = max(1, _BLOCK // self.raw.shape[1])
        for start in range(0, len(self.raw), size):
            block = slice(start, start + size)
            yield block, self._scaled(block)

    def _scaled(self, block: slice) -> Tensor:
        raw = self.raw[block]
        return raw if self.scale is None else raw * _column(self.scale[block], raw)

    def forward(self, a: Tensor, weight: Tensor) -> Tensor:
        """The layer without bias, with another weight of the same shape."""
        if self.options is None:
            return F.linear(a, weight)
        return F.conv2d(a, weight, None, **self.options)

    def back(self, signal: Tensor, weight: Tensor, like: Tensor) -> Tensor:
        """The transposed layer: [P, N, ...] at its output -> [P, N, ...] at its input.

        Args:
            signal: what comes back.
            weight: as in ``forward``.
            like: the layer's input, [N, ...]; only its shape counts.
        """
        if self.options is None:
            return signal @ weight
        flat, size = signal.flatten(0, 1), like.shape[1:]
        if isinstance(self.options["padding"], str):
            probe = torch.zeros((len(flat), *size), dtype=flat.dtype, device=flat.device)
            (led,) = vjp(lambda a: (self.forward(a, weight),), (probe,), (flat[None],))
            return led[0].reshape(*signal.shape[:2], *size)
        rest = _left_over(self.options, weight, like)
        back = F.conv_transpose2d(flat, weight, None, **self.options, output_padding=rest)
        return back.reshape(*signal.shape[:2], *size)

    def transposed(self, signal: Tensor, like: Tensor) -> Tensor:
        """``back`` with the layer's own ``weight``, which need not be made for it."""
        if self.scale is not None:
            signal = signal * self.along(self.scale)
        return self.back(signal, self.raw, like)

    def along(self, values: Tensor) -> Tensor:
        """One value per output, [outputs], so that it can be added to the output."""
        return values if self.options is None else values.view(-1, 1, 1)


def _left_over(options: Mapping[str, Any], weight: Tensor, like: Tensor) -> list[int]:
    """Rows and columns of a convolution's input that the last step of its stride leaves over."""
    found = []
    for side in range(2):
        padding, dilation, stride = (
            value if isinstance(value, int) else value[side % len(value)]
            for value in (options["padding"], options["dilation"], options["stride"])
        )
        reach = dilation * (weight.shape[2 + side] - 1) + 1
        found.append((like.shape[2 + side] + 2 * padding - reach) % stride)
    return found


def vjp(
    function: Callable[..., tuple[Tensor, ...]],
    values: Sequence[Tensor],
    signals: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """Vector-Jacobian products, one after the other: signals [P, ...] -> [P, ...] per value.

    They are 0 for values that have no gradient, and where nothing is passed on.
    """
    points = [value.detach().requires_grad_(has_gradient(value)) for value in values]
    with torch.enable_grad():
        outputs = function(*points)
    smooth = [place for place, point in enumerate(points) if point.requires_grad]
    given = [place for place, out in enumerate(outputs[: len(signals)]) if out.requires_grad]
    led = [point.new_zeros(()).expand(len(signals[0]), *point.shape) for point in points]
    if not given:
        return tuple(led)
    ends, sources = [outputs[place] for place in given], [points[place] for place in smooth]
    rows = [
        torch.autograd.grad(ends, sources, row, retain_graph=True, materialize_grads=True)
        for row in zip(*(signals[place] for place in given), strict=True)
    ]
    for place, column in zip(smooth, zip(*rows, strict=True), strict=True):
        led[place] = torch.stack(column)
    return tuple(led)


def has_gradient(value: Tensor) -> bool:
    """Whether a signal goes through a value: not through a mask or an index."""
    return value.is_floating_point() or value.is_complex()


def _column(values: Tensor, like: Tensor) -> Tensor:
    """[n] -> [n, 1, ...], to be multiplied by a weight."""
    return values.view(-1, *[1] * (like.dim() - 1))
