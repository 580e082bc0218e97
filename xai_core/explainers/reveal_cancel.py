"""The RevealCancel rule of DeepLIFT: two multipliers for the two parts of every change.

Notation: the change of a value from baseline to picture has a positive part and a negative
part. A value's multipliers are what the logit's change is per unit of each part, [2, N, ...],
or [1, N, ...] where both parts have the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai_core.explainers.graph import Graph, Rule, gradient, lead_back, linear_rules, one_hot
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
from xai_core.explainers.refusals import no_rule
from xai_core.explainers.rescale import ends, pooled
from xai_core.explainers.secants import equal_up_to, secant
from xai_core.explainers.ties import tolerance


class RevealCancel:
    """The rules for some pictures, each with one baseline.

    Args:
        graph: the network run on the pictures, [N, 3, H, W].
        origins: every value of the network at the baselines, [N, ...].
        title: the method's name, for errors.
    """

    def __init__(self, graph: Graph, origins: Sequence[Tensor], title: str) -> None:
        self._graph = graph
        self._title = title
        self._origins = [origin[None] for origin in origins]
        self._makers = {number: node for node in graph.nodes for number in node.outputs}
        self._parts: dict[int, Tensor] = {}
        self._slopes: dict[Node, Tensor] = {}

    def multipliers(self, targets: Tensor) -> Tensor:
        """Multipliers of the pixels' changes for the classes int64 [N]: [N, 3, H, W].

        Raises:
            MethodError: a step without a rule, by name.
        """
        rules: dict[type[Node], Rule] = {
            **linear_rules(self._graph),
            Affine: self._affine_back,
            MaxPool: self._pool_back,
            **dict.fromkeys((Rectifier, Activation), self._activation_back),
            **dict.fromkeys((Normalisation, Constant), self._factor_back),
            Subtracting: self._difference_back,
        }
        found = lead_back(self._graph, one_hot(self._graph, targets), rules, self._title)
        return _by_sign(found, self._change(0))[0]

    def _change(self, number: int) -> Tensor:
        """Change of a value, [N, ...]; 0 where there is none by the rule of ``ties``."""
        value, origin = self._graph.values[number], self._origins[number]
        return _without_noise(value - origin[0], equal_up_to(value, origin)[0])

    def _parts_of(self, number: int) -> Tensor:
        """Positive and negative part of a value's change, [2, N, ...]."""
        if number not in self._parts:
            node = self._makers.get(number)
            if node is None or isinstance(node, MaxPool):
                change = self._change(number)
                self._parts[number] = torch.stack([change.clamp(min=0), change.clamp(max=0)])
            elif isinstance(node, Affine):
                self._parts[number] = self._affine_parts(node)
            elif isinstance(node, Rectifier | Activation):
                self._parts[number] = self._slopes_of(node) * self._parts_of(node.inputs[0])
            else:
                self._parts.update(zip(node.outputs, self._led(node), strict=True))
        return self._parts[number]

    def _affine_parts(self, node: Affine) -> Tensor:
        # The positive terms are half of all terms and of their absolute values.
        reach = self._change(node.inputs[0]).abs()
        pieces = [node.forward(reach, weight.abs()) for _, weight in node.blocks()]
        sizes = torch.cat(pieces, dim=-1 if node.options is None else 1)
        parts = (self._change(node.output) + torch.stack([sizes, -sizes])) / 2
        return _without_noise(parts, tolerance(sizes))

    def _affine_back(self, node: Affine, signal: Tensor) -> Sequence[Tensor]:
        """Half the sum of what w leads back, and of what |w| leads back signed by the change."""
        change = self._change(node.inputs[0])
        if len(signal) == 1:
            return (node.transposed(signal, change),)
        plain = node.transposed(signal.sum(0, keepdim=True), change)
        apart = signal[:1] - signal[1:]
        led = sum(
            node.back(apart[..., block], weight.abs(), change) for block, weight in node.blocks()
        )
        return ((plain + change.sign() * led) / 2,)

    def _slopes_of(self, node: Node) -> Tensor:
        """Change of an activation's output by each part of its input's change, [2, N, ...]."""
        if node not in self._slopes:
            a, a0 = ends(self._graph, node, self._origins, self._title)
            up, down = a0 + self._parts_of(node.inputs[0]).unsqueeze(1)
            self._slopes[node] = torch.cat(
                [
                    secant(node, up[0], a0) + secant(node, a, down),
                    secant(node, down[0], a0) + secant(node, a, up),
                ]
            ).div_(2)
        return self._slopes[node]

    def _activation_back(self, node: Node, signal: Tensor) -> Sequence[Tensor]:
        return (self._slopes_of(node) * signal,)

    def _pool_back(self, node: MaxPool, signal: Tensor) -> Sequence[Tensor]:
        whole = _by_sign(signal, self._change(node.output))
        return pooled(self._graph, self._origins, self._title, node, whole)

    def _led(self, node: Node) -> Sequence[Tensor]:
        """Parts of what a linear step without weights gives, for each of its outputs."""
        if not isinstance(
            node, Rearranging | Averaging | Adding | Normalisation | Constant | Subtracting
        ):
            raise no_rule(self._title, node.label)
        parts = [self._parts_of(number) for number in node.inputs]
        if isinstance(node, Normalisation | Constant):
            parts = [self._exchanged(node, parts[0])]
        if isinstance(node, Subtracting):
            parts[1:] = [part.flip(0) for part in parts[1:]]
        constant = node.step.call(*(torch.zeros_like(part[0]) for part in parts))
        up, down = (node.step.call(*some) for some in zip(*parts, strict=True))
        return [torch.stack([u - c, d - c]) for u, d, c in zip(up, down, constant, strict=True)]

    def _factor_back(self, node: Node, signal: Tensor) -> Sequence[Tensor]:
        return gradient(self._graph, node, self._exchanged(node, signal))

    def _difference_back(self, node: Subtracting, signal: Tensor) -> Sequence[Tensor]:
        first, *others = gradient(self._graph, node, signal)
        return (first, *(other.flip(0) for other in others))

    def _exchanged(self, node: Node, both: Tensor) -> Tensor:
        """Both parts' values, exchanged where the node has a negative factor."""
        if len(both) == 1:
            return both
        a = self._graph.values[node.inputs[0]]
        (at_one,), (at_zero,) = (
            node.step.call(point) for point in (torch.ones_like(a), torch.zeros_like(a))
        )
        return torch.where(at_one < at_zero, both.flip(0), both)


def _without_noise(change: Tensor, equal: Tensor) -> Tensor:
    return change.masked_fill(change.abs() <= equal, 0)


def _by_sign(signal: Tensor, change: Tensor) -> Tensor:
    """The multiplier of a change that is all positive or all negative, [1, N, ...]."""
    if len(signal) == 1:
        return signal
    up, down = signal[:1], signal[1:]
    return torch.where(change > 0, up, torch.where(change < 0, down, (up + down) / 2))
