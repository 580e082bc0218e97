"""A recorded network as nodes of few kinds, each with a way back for relevance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from xai_core.explainers.elementwise import recognised
from xai_core.explainers.node_kinds import node_of
from xai_core.explainers.nodes import (
    Adding,
    Affine,
    Averaging,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rearranging,
    Subtracting,
    has_gradient,
    vjp,
)
from xai_core.explainers.pooling import scattered, windows_of, winners
from xai_core.explainers.recorded import recorded
from xai_core.explainers.refusals import no_rule, not_once
from xai_core.explainers.sharing import shared
from xai_core.models.classifier import Classifier
from xai_core.models.tape import Tape


@dataclass
class Graph:
    """A recorded network.

    Attributes:
        values: its values, by number; 0 is the batch.
        nodes: those that the logits depend on, in the order of execution.
        layers: numbers of the values of each module, by its dotted name.
        output: number of the logits.
        taken: every step's function and the numbers of what it took and gave.
        winners: places of the winners of each max-pooling that was led back through, by the
            number of its output.
    """

    values: Sequence[Tensor]
    nodes: Sequence[Node]
    layers: Mapping[str, Sequence[int]]
    output: int
    taken: Sequence[tuple[Any, tuple[int, ...], tuple[int, ...]]]
    winners: dict[int, Tensor] = field(default_factory=dict)

    def value_of(self, layer: str) -> int:
        """Number of the one value that a layer gives.

        Raises:
            MethodError: the network does not use it, or more than once.
        """
        found = self.layers.get(layer, ())
        if len(found) != 1:
            raise not_once(layer, len(found))
        return found[0]

    def first(self, numbers: Collection[int]) -> int:
        """The one of these values that is made first; 0 if the logits depend on none."""
        made = (number for node in self.nodes for number in node.outputs)
        return next((number for number in (0, *made) if number in numbers), 0)

    def leads_to_logits(self, number: int) -> bool:
        """Whether the logits depend on a value."""
        reached = {number}
        for node in self.nodes:
            if reached.intersection(node.inputs):
                reached.update((node.output, *node.step.outputs))
        return self.output in reached


Rule = Callable[[Any, Tensor], Sequence[Tensor]]


def lead_back(
    graph: Graph,
    start: Tensor,
    rules: Mapping[type[Node], Rule],
    title: str,
    stop: int = 0,
    passing: Callable[[int, Tensor], None] = lambda number, signal: None,
) -> Tensor:
    """Lead a signal from the logits back to a value, node by node.

    Args:
        graph: the recorded network.
        start: signal at the logits, [P, N, K].
        rules: for each kind of node ``rule(node, signal) -> a signal for each input``.
            ``Rearranging`` nodes need none; what gives several values follows the chain rule.
        title: the method's name, for errors.
        stop: number of the value to stop at.
        passing: called with the number of every value that a step gives and the signal reaches,
            and the signal.

    Returns:
        [P, N, ...], in the shape of the value; zero where nothing arrives.

    Raises:
        MethodError: a node without a rule; the sentence names it.
    """
    signals: dict[int, Tensor] = {graph.output: start}
    for node in reversed(graph.nodes):
        arriving = [signals.get(number) for number in node.outputs]
        for number, signal in zip(node.outputs, arriving, strict=True):
            if signal is not None:
                passing(number, signal)
        if stop in node.outputs:
            break
        for number in node.outputs:
            signals.pop(number, None)
        first = next((signal for signal in arriving if signal is not None), None)
        if first is None:
            continue
        if isinstance(node, Rearranging) or (len(arriving) > 1 and type(node) in rules):
            parts: Sequence[Tensor] = moved(graph, node, arriving)
        elif type(node) in rules:
            parts = rules[type(node)](node, first)
        else:
            raise no_rule(title, node.label)
        for number, part in zip(node.inputs, parts, strict=True):
            if not has_gradient(graph.values[number]):
                continue
            signals[number] = signals[number] + part if number in signals else part
    if stop not in signals:
        return torch.zeros_like(graph.values[stop]).expand(len(start), *graph.values[stop].shape)
    return signals[stop]


def one_hot(graph: Graph, targets: Tensor) -> Tensor:
    """1 at the logit of each picture's class, [1, N, K]."""
    return torch.zeros_like(graph.values[graph.output]).scatter_(1, targets[:, None], 1.0)[None]


def moved(graph: Graph, node: Node, arriving: Sequence[Tensor | None]) -> tuple[Tensor, ...]:
    """Signals of a node that gives several values, led back by the chain rule."""
    count = max(len(signal) for signal in arriving if signal is not None)
    given = [
        torch.zeros((count, *graph.values[number].shape)).to(graph.values[number])
        if signal is None
        else signal.expand(count, *signal.shape[1:])
        for number, signal in zip(node.step.outputs, arriving, strict=True)
    ]
    return gradient(graph, node, *given)


def gradient(graph: Graph, node: Node, *signals: Tensor) -> tuple[Tensor, ...]:
    """What the chain rule makes of the signals at a node's outputs.

    Max-pooling gives them to its winners by the rule of ``ties``.
    """
    if isinstance(node, MaxPool):
        size = graph.values[node.inputs[0]].shape[-2:]
        return (scattered(signals[0], _winners(graph, node), size),)
    return vjp(node.step.call, [graph.values[number] for number in node.inputs], signals)


def _winners(graph: Graph, node: MaxPool) -> Tensor:
    """Where a pooling's winners are; they belong to the run, whichever method asks."""
    if node.output not in graph.winners:
        a, out = graph.values[node.inputs[0]], graph.values[node.output]
        windows = windows_of(node.step.function, node.step.args, node.step.kwargs)
        graph.winners[node.output] = winners(windows, a, out)
    return graph.winners[node.output]


def linear_rules(graph: Graph) -> Mapping[type[Node], Rule]:
    """The chain rule, for every kind of step that is linear in what depends on the pictures."""

    def affine(node: Affine, signal: Tensor) -> Sequence[Tensor]:
        return (node.transposed(signal, graph.values[node.inputs[0]]),)

    def scaled(node: Normalisation, signal: Tensor) -> Sequence[Tensor]:
        axes = graph.values[node.output].dim() - 2
        return (signal * node.scale.view(-1, *[1] * axes),)

    chained = dict.fromkeys((Constant, Averaging, Adding, Subtracting), partial(gradient, graph))
    return {Affine: affine, Normalisation: scaled, **chained}


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
    users = Counter(number for step in tape.steps for number in step.inputs)
    nodes: list[Node] = []
    makers: dict[int, int] = {}
    renamed: dict[int, int] = {}
    for node in _kinds(tape):
        place = makers.get(node.inputs[0], -1)
        if fold and place >= 0 and isinstance(node, Normalisation):
            layer = nodes[place]
            if isinstance(layer, Affine) and users[layer.output] == 1 and _foldable(layer, tape):
                nodes[place] = _folded(layer, node)
                renamed[layer.output] = node.output
                makers[node.output] = place
                continue
        makers[node.output] = len(nodes)
        nodes.append(node)

    def final(number: int) -> int:
        return final(renamed[number]) if number in renamed else number

    layers = {name: [final(number) for number in given] for name, given in tape.layers.items()}
    return Graph(tape.values, nodes, layers, final(tape.output), tape.taken(), winners=tape.winners)


def _kinds(tape: Tape) -> list[Node]:
    """The nodes of the steps that the logits depend on."""
    alone: dict[int, Node] = {}
    found = []
    for step in tape.steps:
        node = node_of(step, tape)
        found.append(recognised(node, alone, tape.values))
        alone.update(dict.fromkeys(step.outputs, node))
    needed, live = {tape.output}, []
    for node in reversed(found):
        if not needed.isdisjoint(node.step.outputs):
            needed.update(node.inputs)
            live.append(node)
    return live[::-1]


def _foldable(layer: Affine, tape: Tape) -> bool:
    """Behind a linear layer on sequences, BatchNorm's channels are not the layer's outputs."""
    return layer.options is not None or tape.values[layer.output].dim() == 2


def _folded(layer: Affine, norm: Normalisation) -> Affine:
    scale = norm.scale if layer.scale is None else layer.scale * norm.scale
    bias = norm.shift if layer.bias is None else layer.bias * norm.scale + norm.shift
    return Affine(layer.step, layer.inputs, norm.output, layer.raw, scale, bias, layer.options)
