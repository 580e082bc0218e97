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
from xai_core.explainers.rectifiers import ceiling
from xai_core.explainers.sharing import known_tape, requested, shared
from xai_core.models.classifier import Classifier

GRADIENT, DECONVNET, GUIDED = "gradient", "deconvnet", "guided"
# Which methods rectify the signal, and how; all others need the gradient, if anything.
RECTIFYING = {
    "deconvnet": DECONVNET,
    "guided_backprop": GUIDED,
    "guided_gradcam": GUIDED,
    "guided_gradcam_pp": GUIDED,
}


@dataclass(frozen=True)
class Back:
    """What came back.

    Attributes:
        graph: the recorded network.
        pictures: signals at the pictures by kind, [N, 3, H, W].
        inside: the gradient at the wanted values, by number; what nothing reaches is missing.
    """

    graph: Graph
    pictures: Mapping[str, Tensor]
    inside: Mapping[int, Tensor]


def led_back(
    clf: Classifier, x: Tensor, targets: Tensor, kind: str, layers: Collection[str] = ()
) -> Back | None:
    """The signals of all requested methods, among them this kind; None without a tape.

    It is None too where the tape does not tell what is needed: a layer gives no tensor, or an
    activation has no rectified way back.

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
    others = {RECTIFYING.get(name, GRADIENT) for name in requested()}
    kinds = [way for way in (GRADIENT, DECONVNET, GUIDED) if way == kind or way in others]
    activations = [node for node in graph.nodes if type(node) is Activation]
    rectifiers = [node for node in graph.nodes if isinstance(node, Rectifier)]
    if activations or not rectifiers:
        if kind != GRADIENT:
            return None
        kinds = [GRADIENT]
    return _led_back(clf, x, targets, tuple(kinds), layers)


def layers_wanted(clf: Classifier) -> tuple[str, ...]:
    """Layers that all requested methods want of the same pictures, as far as they give maps."""
    asked = [settings["layer"] for settings in requested().values() if "layer" in settings]
    if not asked:
        return ()
    names = (clf.maps.default if layer is None else layer for layer in asked)
    return tuple(dict.fromkeys(name for name in names if name and name in clf.maps.layouts))


@shared
def _led_back(
    clf: Classifier, x: Tensor, targets: Tensor, kinds: tuple[str, ...], layers: tuple[str, ...]
) -> Back:
    graph = read_shared(clf, x, False)
    chained = dict.fromkeys((Node, Activation, MaxPool), partial(gradient, graph))
    rules: dict[type[Node], Rule] = {
        **chained,
        **linear_rules(graph),
        Rectifier: partial(_rectified, graph, kinds),
    }
    wanted = {number for name in layers for number in graph.layers[name]}
    start = one_hot(graph, targets).expand(len(kinds), -1, -1)
    inside: dict[int, Tensor] = {}

    def passing(number: int, signal: Tensor) -> None:
        if number in wanted and GRADIENT in kinds:
            inside[number] = signal[kinds.index(GRADIENT)]

    with torch.no_grad():
        found = lead_back(graph, start, rules, "The gradient", passing=passing)
    # A layer that hands the pictures on gives value 0, at which the signal ends.
    passing(0, found)
    return Back(graph, dict(zip(kinds, found, strict=True)), inside)


def _rectified(
    graph: Graph, kinds: Sequence[str], node: Rectifier, signal: Tensor
) -> tuple[Tensor]:
    """A ReLU's way back for signals of several kinds, [P, N, ...]."""
    out = graph.values[node.output]
    top = ceiling(node.step.function, node.step.args, node.step.kwargs)
    parts = []
    for kind, part in zip(kinds, signal, strict=True):
        if kind != GRADIENT:
            part = part.clamp(min=0)
        if kind != DECONVNET:
            part = torch.ops.aten.threshold_backward(part, out, 0)
            part = part if top is None or top == torch.inf else part * (out < top)
        parts.append(part)
    return (torch.stack(parts),)
