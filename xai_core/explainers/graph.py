"""A recorded network as nodes of few kinds, each with a way back for relevance.

Signals that go back have one axis in front of the value's own, [P, N, ...]: P variants (such
as the presets of LRP) share one forward pass and go back as one batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.grad import conv2d_input

from xai_core.errors import MethodError
from xai_core.explainers.rectifiers import ACTIVATING, ceiling
from xai_core.explainers.sharing import shared
from xai_core.explainers.tape import Slot, Step, Tape, recorded
from xai_core.models.classifier import Classifier

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
        *(torch.unflatten, torch.swapaxes, Tensor.swapaxes, torch.movedim, Tensor.movedim),
    }
)
_UNCHANGED = frozenset(
    {F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout}
)
_AVERAGING = frozenset(
    {
        *(F.avg_pool2d, F.adaptive_avg_pool2d, torch.mean, Tensor.mean, F.interpolate),
    }
)
_ADDING = frozenset({torch.add, Tensor.add, Tensor.__add__, Tensor.__radd__})
_SUBTRACTING = frozenset({torch.sub, Tensor.sub, Tensor.__sub__, Tensor.__rsub__})
_SCALING = frozenset(
    {
        *(torch.mul, Tensor.mul, Tensor.__mul__, Tensor.__rmul__),
        *(torch.neg, Tensor.neg, Tensor.__neg__),
    }
)
_DIVIDING = frozenset({torch.div, Tensor.div, Tensor.__truediv__})
_POOLING = frozenset({F.max_pool2d, F.adaptive_max_pool2d, torch.max_pool2d})


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
    def spoken(self) -> str:
        """The node in words, for errors."""
        return self.step.spoken


class Rearranging(Node):
    """Moves values, or copies or drops some: flatten, cat, index, pad."""


class Averaging(Node):
    """Sums with positive weights: pooling by averages, means, interpolation."""


class Adding(Node):
    """The sum of two values that both depend on the pictures."""


class Constant(Node):
    """Multiplies by a constant, or adds one."""


class Rectifier(Node):
    """ReLU, or ReLU6."""


class Activation(Node):
    """An element-wise function other than ReLU and ReLU6."""


class MaxPool(Node):
    """Largest value of every window; the first of them in a tie."""


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
        weight: [outputs, inputs, ...].
        bias: [outputs], or None.
        options: stride, padding, dilation and groups of a convolution; None for linear.
    """

    weight: Tensor
    bias: Tensor | None
    options: Mapping[str, Any] | None

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
        flat = signal.flatten(0, 1)
        shape = (len(flat), *like.shape[1:])
        if isinstance(self.options["padding"], str):
            probe = torch.zeros(shape, dtype=flat.dtype, device=flat.device)
            (led,) = vjp(lambda a: (self.forward(a, weight),), (probe,), (flat[None],))
            return led[0].reshape(*signal.shape[:2], *like.shape[1:])
        back: Tensor = conv2d_input(shape, weight, flat, **self.options)  # type: ignore[no-untyped-call]
        return back.reshape(*signal.shape[:2], *like.shape[1:])

    def along(self, values: Tensor) -> Tensor:
        """One value per output, [outputs], so that it can be added to the output."""
        return values if self.options is None else values.view(-1, 1, 1)


@dataclass
class Graph:
    """A recorded network.

    Attributes:
        values: its values, by number; 0 is the batch.
        nodes: in the order of execution.
        layers: numbers of the values of each module, by its dotted name.
        output: number of the logits.
    """

    values: Sequence[Tensor]
    nodes: Sequence[Node]
    layers: Mapping[str, Sequence[int]]
    output: int

    def value_of(self, layer: str) -> int:
        """Number of the one value that a layer gives.

        Raises:
            MethodError: the network does not use it, or more than once.
        """
        found = self.layers.get(layer, ())
        if len(found) != 1:
            times = "does not use it" if not found else f"uses it {len(found)} times"
            raise MethodError(f"Layer '{layer}' has no single output: the model {times}.")
        return found[0]


Rule = Callable[[Any, Tensor], Sequence[Tensor]]


def lead_back(
    graph: Graph,
    start: Tensor,
    rules: Mapping[type[Node], Rule],
    title: str,
    stop: int = 0,
    remedy: str = "saliency or integrated_gradients",
) -> Tensor:
    """Lead a signal from the logits back to a value, node by node.

    Args:
        graph: the recorded network.
        start: signal at the logits, [P, N, K].
        rules: for each kind of node ``rule(node, signal) -> a signal for each input``.
            ``Rearranging`` nodes need none.
        title: the method's name, for errors.
        stop: number of the value to stop at.
        remedy: methods that would work, for errors.

    Returns:
        [P, N, ...], in the shape of the value; zero where nothing arrives.

    Raises:
        MethodError: a node without a rule; the sentence names it.
    """
    signals: dict[int, Tensor] = {graph.output: start}
    for node in reversed(graph.nodes):
        outputs = node.step.outputs if isinstance(node, Rearranging) else (node.output,)
        if stop in outputs:
            break
        arriving = [signals.pop(number, None) for number in outputs]
        first = next((signal for signal in arriving if signal is not None), None)
        if first is None:
            continue
        if isinstance(node, Rearranging):
            parts: Sequence[Tensor] = moved(graph, node, arriving)
        elif type(node) in rules:
            parts = rules[type(node)](node, first)
        else:
            raise MethodError(
                f"{title} has no rule for the step {node.spoken}; {remedy} work on this model."
            )
        for number, part in zip(node.inputs, parts, strict=True):
            signals[number] = signals[number] + part if number in signals else part
    if stop not in signals:
        return torch.zeros_like(graph.values[stop]).expand(len(start), *graph.values[stop].shape)
    return signals[stop]


def moved(graph: Graph, node: Node, arriving: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Signals of a rearranging node, led to where the values came from."""
    count = next(len(signal) for signal in arriving if signal is not None)
    given = [
        torch.zeros((count, *graph.values[number].shape)).to(graph.values[number])
        if signal is None
        else signal
        for number, signal in zip(node.step.outputs, arriving, strict=True)
    ]
    return gradient(graph, node, *given)


def gradient(graph: Graph, node: Node, *signals: Tensor) -> tuple[Tensor, ...]:
    """What the chain rule makes of the signals at a node's outputs."""
    return vjp(node.step.call, [graph.values[number] for number in node.inputs], signals)


def vjp(
    function: Callable[..., tuple[Tensor, ...]],
    values: Sequence[Tensor],
    signals: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """Vector-Jacobian products, one after the other: signals [P, ...] -> [P, ...] per value."""
    points = [value.detach().requires_grad_() for value in values]
    with torch.enable_grad():
        outputs = function(*points)
    rows = [
        torch.autograd.grad(outputs, points, row, retain_graph=True, materialize_grads=True)
        for row in zip(*signals, strict=True)
    ]
    return tuple(torch.stack(column) for column in zip(*rows, strict=True))


@shared
def read_shared(clf: Classifier, x: Tensor, fold: bool = True) -> Graph:
    """The network run on ``x`` and read: once for all methods of a panel."""
    with torch.no_grad():
        return read(recorded(clf, x), fold)


def read(tape: Tape, fold: bool = True) -> Graph:
    """The nodes of a tape.

    Args:
        tape: what was recorded.
        fold: merge a BatchNorm into the convolution or linear layer before it, if nothing
            else reads that layer's output. Asked for that layer, the graph then gives the
            BatchNorm's output.
    """
    users: dict[int, int] = {}
    for step in tape.steps:
        for number in step.inputs:
            users[number] = users.get(number, 0) + 1
    nodes: list[Node] = []
    makers: dict[int, int] = {}
    renamed: dict[int, int] = {}
    for step in tape.steps:
        node = _node(step, tape)
        before = makers.get(node.inputs[0]) if node.inputs else None
        if isinstance(node, Normalisation) and fold and before is not None:
            layer = nodes[before]
            if isinstance(layer, Affine) and users[layer.output] == 1:
                nodes[before] = _folded(layer, node)
                renamed[layer.output] = node.output
                makers[node.output] = before
                continue
        makers[node.output] = len(nodes)
        nodes.append(node)
    layers = {
        name: [renamed.get(number, number) for number in numbers]
        for name, numbers in tape.layers.items()
    }
    return Graph(tape.values, nodes, layers, renamed.get(tape.output, tape.output))


def _folded(layer: Affine, norm: Normalisation) -> Affine:
    scale = norm.scale.view(-1, *[1] * (layer.weight.dim() - 1))
    bias = norm.shift if layer.bias is None else layer.bias * norm.scale + norm.shift
    return Affine(layer.step, layer.inputs, norm.output, layer.weight * scale, bias, layer.options)


def _node(step: Step, tape: Tape) -> Node:
    function, dependent = step.function, len(step.inputs)
    place = (step, step.inputs, step.outputs[0])
    if function is F.conv2d and dependent == 1:
        return _convolution(*place)
    if function is F.linear and dependent == 1:
        given = _arguments(step, ("input", "weight", "bias"))
        return Affine(*place, given["weight"], given.get("bias"), None)
    if function is F.batch_norm and dependent == 1:
        return _normalisation(*place)
    if ceiling(function, step.args, step.kwargs) is not None:
        return Rectifier(*place)
    if function in _DIVIDING and not isinstance(step.args[0], Slot):
        return Node(*place)
    for functions, kind, count in (
        (_REARRANGING, Rearranging, dependent),
        (_UNCHANGED, Rearranging, 1),
        (_AVERAGING, Averaging, 1),
        (_ADDING, Adding, 2),
        (_ADDING | _SUBTRACTING | _SCALING | _DIVIDING, Constant, 1),
        (_POOLING, MaxPool, 1),
        (ACTIVATING, Activation, 1),
    ):
        if function in functions and dependent == count:
            return kind(*place)
    return Node(*place)


def _arguments(step: Step, names: Sequence[str]) -> dict[str, Any]:
    return {**dict(zip(names, step.args, strict=False)), **step.kwargs}


def _convolution(step: Step, inputs: tuple[int, ...], output: int) -> Affine:
    names = ("stride", "padding", "dilation", "groups")
    given: dict[str, Any] = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": None}
    given |= _arguments(step, ("input", "weight", "bias", *names))
    options = {name: given[name] for name in names}
    return Affine(step, inputs, output, given["weight"], given["bias"], options)


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
