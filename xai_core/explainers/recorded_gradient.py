"""The gradient and its rectified relatives, led back through a recorded network at once.

Where a tape of the pictures is at hand, as in a randomisation sweep, the forward pass is known
but for the layers that changed. One way back then serves saliency, the CAM family, DeconvNet
and guided backpropagation: their signals go as one batch and part only at the ReLUs.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from xai_core.errors import MethodError
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
from xai_core.explainers.sharing import known_tape, requested, shared
from xai_core.models.classifier import Classifier
from xai_core.models.recorder import REMEDY
from xai_core.models.torch_functions import RELUS

GRADIENT, DECONVNET, GUIDED = "gradient", "deconvnet", "guided"
# Which methods rectify the signal, and how; all others need the gradient, if anything.
RECTIFYING = {
    "deconvnet": DECONVNET,
    "guided_backprop": GUIDED,
    "guided_gradcam": GUIDED,
    "guided_gradcam_pp": GUIDED,
}

PROBED = 64  # values, at least, by which a step is judged


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
    return _led_back(clf, x, targets, kinds, layers)


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
    back = led_back(clf, x, targets, kind)
    if back is None:
        back = _led_back(clf, x, targets, _kinds(kind, (DECONVNET, GUIDED)), ())
    return back.pictures[kind]


def rectifier_graph(clf: Classifier, x: Tensor, title: str) -> Graph:
    """The network run on ``x``, if every choice that it makes by the sign of a value is a ReLU.

    Raises:
        MethodError: the network has no ReLU, or an activation beside it, or a step that may
            hide one, or its run cannot be written down.
    """
    graph = read_shared(clf, x, False)
    error = refusal(graph, title)
    if error is not None:
        raise error
    return graph


def refusal(graph: Graph, title: str) -> MethodError | None:
    """Why methods that change the way back through ReLUs are not defined for a network."""
    for node in graph.nodes:
        if type(node) is Activation or (type(node) is Node and _choosing(graph, node)):
            return MethodError(
                f"{title} is defined for ReLU networks only, but the model has the step "
                f"{node.label}; {REMEDY}"
            )
    if not any(isinstance(node, Rectifier) for node in graph.nodes):
        return MethodError(
            f"{title} changes how ReLU layers are passed backwards, but this model has none; "
            "saliency or integrated_gradients work on it."
        )
    return None


def _choosing(graph: Graph, node: Node) -> bool:
    """Whether a step without a kind may choose between its values, as a ReLU does.

    It does so by a mask or an index made of the pictures, or if it is element-wise in several
    values and changes otherwise than in sign when some of them do: a product does not, a
    maximum does. The values are probes, so that the answer is the same for all pictures.
    """
    values = [graph.values[number] for number in node.inputs]
    if not all(value.is_floating_point() for value in values):
        return True
    if len(values) == 1 or not _broadcast(values, graph.values[node.output]):
        return False
    count = len(graph.values[0])
    one = [value[:1] if value.dim() and len(value) == count else value for value in values]
    for like in (one, values):
        try:
            return not _odd(node, like)
        except (RuntimeError, ValueError, TypeError, LookupError):
            continue  # perhaps the step tells how many pictures there are
    return True


def _odd(node: Node, like: Sequence[Tensor]) -> bool:
    """Whether a step changes in sign alone when some of its values do, the same in all probes."""
    generator = torch.Generator().manual_seed(0)
    left = [signs for signs in itertools.product((1, -1), repeat=len(like)) if -1 in signs]
    for _ in range(1 + PROBED // max(1, min(value.numel() for value in like))):
        probes = [
            torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
            for value in like
        ]
        # Copies: the step may overwrite what it is given.
        out = node.step.call(*(probe.clone() for probe in probes))[0]
        near = partial(torch.allclose, rtol=1e-3, atol=1e-5 * float(out.abs().max()))
        left = [
            signs
            for signs in left
            if near(
                node.step.call(*(p * sign for p, sign in zip(probes, signs, strict=True)))[0], -out
            )
        ]
    return bool(left)


def _broadcast(values: Sequence[Tensor], out: Tensor) -> bool:
    try:
        shape: torch.Size = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
            *(value.shape for value in values)
        )
        return shape == out.shape
    except RuntimeError:
        return False


def gradients(graph: Graph, targets: Tensor, numbers: Iterable[int]) -> dict[int, Tensor]:
    """Gradient of the logits of the classes int64 [N] at values, by number, and at value 0."""
    found = {number: torch.zeros_like(graph.values[number]) for number in numbers}

    def passing(number: int, signal: Tensor) -> None:
        if number in found:
            found[number] = signal[0]

    start, rules = one_hot(graph, targets), chain_rules(graph)
    found[0] = lead_back(graph, start, rules, "The gradient", passing=passing)[0]
    return found


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
def _led_back(
    clf: Classifier, x: Tensor, targets: Tensor, kinds: tuple[str, ...], layers: tuple[str, ...]
) -> Back:
    graph = read_shared(clf, x, False)
    rules = _rules(graph, kinds)
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
