"""Relative Attributing Propagation, as its published code computes it.

Notation: a_i is an input of a layer, R_j the relevance of its output j, and z_ij = a_i w_ij what
that input adds to the output. P_j and N_j are the sums of the positive and of the negative z_ij,
both without sign; biases take no part, and 0 / 0 is 0. Relevance has the axes [P, N, ...] of
``graph``, with P = 1.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from xai_core.explainers.double_precision import read_exactly
from xai_core.explainers.graph import Graph, Rule, gradient, lead_back
from xai_core.explainers.nodes import Adding, Affine, Averaging, Node, Subtracting
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import at_logits, box_rule, common_rules, ratio
from xai_core.explainers.settings import BATCHNORM
from xai_core.models.classifier import Classifier


@register(
    title="RAP",
    family="relevance",
    signed=True,
    citation="Nam et al. 2020, arXiv:1904.00605",
    shows="Which parts of the picture influence the score more than others: positive where the "
    "influence is large, negative where it is small.",
    formula=r"R_i = C_i - \frac{\sum_k C_k - \sum_j R_j}{\#\{k : C_k \neq 0\}}, \quad "
    r"C_i = \sum_j R_j \left( \frac{(a_i w_{ij})^{+}}{P_j} + "
    r"\frac{|(a_i w_{ij})^{-}|}{P_j + N_j} \right)",
    warning="Changes little when the model's layers are randomised, and so fails that test: "
    "positive and negative parts go back separately, without influence on each other (Nuzzo "
    "2020, section 7.2).",
    params=(BATCHNORM,),
    float64=True,
    cost=lambda settings: 3.0,
)
def rap(clf: Classifier, x: Tensor, targets: Tensor, *, batchnorm: str = "fold") -> Tensor:
    """Relative Attributing Propagation (S section 4.3.1); the relevance sums to the logit.

    - The last convolution or linear layer shares the logit out by |z_ij|, so that all of it
      has the logit's sign.
    - Every hidden one follows the table's formula: what lowers the output counts as influence
      too, and then the same amount is taken from every input that has relevance, so that the
      sum stays what it was. In a convolution, negative relevance is shared out by
      |z_ij-| / N_j in the place of z_ij+ / P_j.
    - The first one follows the z-box rule, between the picture's least and largest value.
    - ReLU and BatchNorm pass relevance on and max-pooling gives it to the winner; averages
      and additions share it out by what each input adds.

    Relevance is lost only where the sum by which it is shared out is exactly zero.

    It is computed in float64, whatever the model's type, and then rounded to that. In float32 a
    VGG's maps were off by up to 2e-3 of their maximum, because rounding chose where max-pooling
    went. And an addition of branches with opposite signs is ill-conditioned: on a random
    ResNet-50, relevance grew to thousands of times the logit, and the maps in float32
    correlated with these at 0.1.

    Source: Nam et al. 2020, arXiv:1904.00605, and the authors' code.
    Differs from the paper: negative relevance goes back in one way through convolutions and
    in another through linear layers, as in the code.
    Differs from the code: BatchNorm is folded unless ``batchnorm`` is "identity"; where the
    input of a hidden layer is negative, for want of a ReLU before it, z_ij counts by its own
    sign, not by the weight's; the last layer may be a convolution; the first is that which no
    other precedes, not the one with three channels.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        batchnorm: "fold": a BatchNorm becomes part of the layer before it where it can;
            "identity": it passes relevance on as it is, as in the authors' code.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a step without a rule, such as a product or an activation other than ReLU;
            or the model does not run in float64.
    """
    with torch.no_grad():
        graph = read_exactly(clf, x, batchnorm == "fold", "RAP")
        return propagate(graph, targets).to(x)


def propagate(graph: Graph, targets: Tensor, stop: int = 0) -> Tensor:
    """Relevance of each element of a value.

    Args:
        graph: the recorded network.
        targets: explained classes, int64 [N].
        stop: number of the value; 0 is the batch.

    Returns:
        [N, ...], in the shape of the value.

    Raises:
        MethodError: a step without a rule.
    """
    first, last = first_layers(graph), _last(graph)

    def affine(node: Affine, relevance: Tensor) -> tuple[Tensor]:
        a = graph.values[node.inputs[0]]
        rule = _by_size if node in last else boxed if node in first else hidden
        return (rule(node, a, relevance),)

    def shared_out(node: Node, relevance: Tensor) -> tuple[Tensor, ...]:
        slopes = gradient(graph, node, ratio(relevance, graph.values[node.output]))
        pairs = zip(node.inputs, slopes, strict=True)
        return tuple(graph.values[number] * slope for number, slope in pairs)

    rules: dict[type[Node], Rule] = {
        **common_rules(graph),
        Affine: affine,
        **dict.fromkeys((Averaging, Adding, Subtracting), shared_out),
    }
    return lead_back(graph, at_logits(graph, targets), rules, "RAP", stop)[0]


def hidden(node: Affine, a: Tensor, relevance: Tensor) -> Tensor:
    """The rule of a hidden layer, rebalanced.

    Args:
        node: the layer.
        a: its input, [N, ...].
        relevance: of its output, [P, N, ...].

    Returns:
        Relevance of its input, [P, N, ...], with the same sum for each image.
    """
    shares = _by_influence(node, a, relevance)
    inner = tuple(range(2, shares.dim()))
    outer = (*shares.shape[:2], *[1] * len(inner))
    excess = shares.sum(inner, keepdim=True) - relevance.flatten(2).sum(2).view(outer)
    taken = shares != 0
    return shares - taken * ratio(excess, taken.sum(inner, keepdim=True))


def _by_influence(node: Affine, a: Tensor, relevance: Tensor) -> Tensor:
    """C_i of the table's formula; in a convolution, negative R_j go by N_j."""
    up, down = node.weight.clamp(min=0), -node.weight.clamp(max=0)
    sides = [(a.clamp(min=0), up, down)]
    if bool((a < 0).any()):
        # Of negative inputs, the negative weights give the positive terms.
        sides.append((-a.clamp(max=0), down, up))
    positive = torch.stack([node.forward(part, plus) for part, plus, _ in sides]).sum(0)
    negative = torch.stack([node.forward(part, minus) for part, _, minus in sides]).sum(0)
    by_plus, by_minus = ratio(relevance, positive), ratio(relevance, positive + negative)
    if node.options is not None:
        by_plus = ratio(relevance.clamp(min=0), positive)
        by_minus = by_minus + ratio(relevance.clamp(max=0), negative)
    shares = [
        part * (node.back(by_plus, plus, a) + node.back(by_minus, minus, a))
        for part, plus, minus in sides
    ]
    return torch.stack(shares).sum(0)


def _by_size(node: Affine, a: Tensor, relevance: Tensor) -> Tensor:
    """R_j |z_ij| / sum_k |z_kj|."""
    size, weight = a.abs(), node.weight.abs()
    return size * node.back(ratio(relevance, node.forward(size, weight)), weight, a)


def boxed(node: Affine, a: Tensor, relevance: Tensor) -> Tensor:
    """The z-box rule without bias, between the least and the largest input of each image.

    Args:
        node: the layer.
        a: its input, [N, ...]; what it is padded with stays zero.
        relevance: of its output, [P, N, ...].

    Returns:
        Relevance of its input, [P, N, ...].
    """
    inner = tuple(range(1, a.dim()))
    low = a.amin(inner, keepdim=True).expand_as(a)
    high = a.amax(inner, keepdim=True).expand_as(a)
    return box_rule(node, relevance, a, (low, high), ratio)


def first_layers(graph: Graph) -> set[Node]:
    """The convolutions and linear layers that no other precedes."""
    return _ends((node, node.inputs, _given(node)) for node in graph.nodes)


def _last(graph: Graph) -> set[Node]:
    """Those that no other follows."""
    return _ends((node, _given(node), node.inputs) for node in reversed(graph.nodes))


def _given(node: Node) -> tuple[int, ...]:
    return (*node.step.outputs, node.output)


def _ends(nodes: Iterable[tuple[Node, tuple[int, ...], tuple[int, ...]]]) -> set[Node]:
    """Layers that are met first, with the values that lie before and behind every node."""
    found: set[Node] = set()
    passed: set[int] = set()
    for node, before, behind in nodes:
        beyond = not passed.isdisjoint(before)
        if isinstance(node, Affine) and not beyond:
            found.add(node)
        if isinstance(node, Affine) or beyond:
            passed.update(behind)
    return found
