"""The gradient and its rectified relatives, led back through a recorded network at once.

Where a tape of the pictures is at hand, as in a randomisation sweep, the forward pass is known
but for the layers that changed. One way back then serves saliency, the CAM family, DeconvNet
and guided backpropagation: their signals go as one batch and part only at the ReLUs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from xai_core.explainers.graph import (
    Graph,
    Rule,
    gradient,
    lead_back,
    linear_rules,
    one_hot,
    read_shared,
)
from xai_core.explainers.nodes import Activation, MaxPool, Node, Rectifier
from xai_core.explainers.relu_networks import rectifier_graph, refusal
from xai_core.explainers.sharing import known_tape, requested, shared
from xai_core.models.classifier import Classifier
from xai_core.models.torch_functions import RELUS

GRADIENT, DECONVNET, GUIDED = "gradient", "deconvnet", "guided"
# Which methods rectify the signal, and how; all others need the gradient, if anything.
RECTIFYING = {
    "deconvnet": DECONVNET,
    "guided_backprop": GUIDED,
    "guided_gradcam": GUIDED,
    "guided_gradcam_pp": GUIDED,
}


@dataclass(frozen=True)
class Signals:
    """What came back.

    Attributes:
        graph: the recorded network.
        pictures: signals at the pictures by kind, [N, 3, H, W].
        inside: the gradient at the wanted values, by number; what nothing reaches is missing.
    """

    graph: Graph
    pictures: Mapping[str, Tensor]
    inside: Mapping[int, Tensor]


def recorded_signals(
    clf: Classifier, x: Tensor, targets: Tensor, kind: str, layers: Collection[str] = ()
) -> Signals | None:
    """The signals of all requested methods, among them this kind; None without a known tape.

    It is None too where the tape does not tell what is needed: a layer gives no tensor.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        kind: GRADIENT, DECONVNET or GUIDED.
        layers: dotted names of layers at whose outputs the gradient is wanted.
    """
    if known_tape(x) is None:
        return None
    graph = read_shared(clf, x, False)
    # The same for every caller, so that there is one way back.
    layers = tuple(dict.fromkeys((*layers_wanted(clf), *layers)))
    if any(name not in graph.layers for name in layers):
        return None
    kinds = _kinds(kind, (GRADIENT, DECONVNET, GUIDED))
    if refusal(graph, "The method") is not None:
        kinds = (GRADIENT,)
    return _signals(clf, x, targets, kinds, layers)


def rectified(clf: Classifier, x: Tensor, targets: Tensor, kind: str, title: str) -> Tensor:
    """The signal at the pictures, rectified on its way back, [N, 3, H, W].

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        kind: DECONVNET or GUIDED.
        title: the method's name, for errors.

    Raises:
        MethodError: see ``rectifier_graph``.
    """
    rectifier_graph(clf, x, title)
    back = recorded_signals(clf, x, targets, kind)
    if back is None:
        back = _signals(clf, x, targets, _kinds(kind, (DECONVNET, GUIDED)), ())
    return back.pictures[kind]


def gradients(graph: Graph, targets: Tensor, numbers: Collection[int]) -> dict[int, Tensor]:
    """Gradient of the logits of the classes int64 [N] at values, by number."""
    back = _led_back(graph, targets, (GRADIENT,), numbers, graph.first(numbers))
    zeros = {number: torch.zeros_like(graph.values[number]) for number in numbers}
    return {**zeros, **back.inside}


def _kinds(kind: str, possible: Sequence[str]) -> tuple[str, ...]:
    """Those of the possible ways back that are wanted, among them ``kind``."""
    others = {RECTIFYING.get(name, GRADIENT) for name in requested()}
    return tuple(way for way in possible if way == kind or way in others)


def layers_wanted(clf: Classifier) -> tuple[str, ...]:
    """Layers that all requested methods want of the same pictures, as far as they give maps."""
    asked = [settings["layer"] for settings in requested().values() if "layer" in settings]
    if not asked:
        return ()
    names = (clf.map_layers.default if layer is None else layer for layer in asked)
    return tuple(dict.fromkeys(name for name in names if name and name in clf.map_layers.layouts))


@shared
def _signals(
    clf: Classifier, x: Tensor, targets: Tensor, kinds: tuple[str, ...], layers: tuple[str, ...]
) -> Signals:
    graph = read_shared(clf, x, False)
    wanted = {number for name in layers for number in graph.layers[name]}
    return _led_back(graph, targets, kinds, wanted)


def _led_back(
    graph: Graph,
    targets: Tensor,
    kinds: tuple[str, ...],
    wanted: Collection[int],
    stop: int = 0,
) -> Signals:
    """The signals at the value ``stop``, and at the wanted ones behind it."""
    rules = _rules(graph, kinds)
    start = one_hot(graph, targets).expand(len(kinds), -1, -1)
    inside: dict[int, Tensor] = {}

    def passing(number: int, signal: Tensor) -> None:
        if number in wanted and GRADIENT in kinds:
            inside[number] = signal[kinds.index(GRADIENT)]

    with torch.no_grad():
        found = lead_back(graph, start, rules, "The gradient", stop, passing)
    # A layer that hands the pictures on gives value 0, which no step gives.
    if stop == 0:
        passing(0, found)
    return Signals(graph, dict(zip(kinds, found, strict=True)), inside)


def _rules(graph: Graph, kinds: Sequence[str]) -> dict[type[Node], Rule]:
    """The chain rule, but for the ReLUs."""
    chained = dict.fromkeys((Node, Activation, MaxPool), partial(gradient, graph))
    return {**chained, **linear_rules(graph), Rectifier: partial(_rectified, graph, kinds)}


def chain_rules(graph: Graph) -> dict[type[Node], Rule]:
    """Rules that give the gradient."""
    return _rules(graph, (GRADIENT,))


def _rectified(
    graph: Graph, kinds: Sequence[str], node: Rectifier, signal: Tensor
) -> tuple[Tensor]:
    """A ReLU's way back for signals of several kinds, [P, N, ...]."""
    a = graph.values[node.inputs[0]]
    parts = []
    for kind, part in zip(kinds, signal, strict=True):
        if kind == GRADIENT and node.step.function not in RELUS:
            # In other words its slope at the corners need not be 0.
            parts.append(gradient(graph, node, part[None])[0][0])
            continue
        part = part if node.factor == 1 else part * node.factor
        if kind != GRADIENT:
            part = part.clamp(min=0)
        parts.append(part if kind == DECONVNET else node.passed(part, a))
    return (torch.stack(parts),)
