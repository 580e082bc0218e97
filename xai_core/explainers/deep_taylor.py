"""Deep Taylor decomposition.

Notation as in ``relevance``; low and high are the smallest and largest values that a pixel can
have, each of one picture's shape.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from xai_core.explainers.graph import Graph, Rule, lead_back, read_shared
from xai_core.explainers.nodes import Affine, Constant, Rearranging
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import (
    at_logits,
    box_rule,
    common_rules,
    parted_rule,
    stabilised,
)
from xai_core.explainers.settings import BATCHNORM, EPSILON
from xai_core.models.classifier import Classifier

# By the number of each value that holds pixels: the lowest and highest it can be.
Boxes = Mapping[int, tuple[Tensor, Tensor]]


@register(
    title="Deep Taylor",
    family="relevance",
    signed=True,
    citation="Montavon et al. 2017, arXiv:1512.02479",
    shows="Which pixels the score of the class comes from, if only what raises a neuron's "
    "output counts; all of the sign of the score.",
    formula=r"R_i = \sum_j \frac{a_i w_{ij}^{+}}{\sum_k a_k w_{kj}^{+}} R_j, \qquad "
    r"R_i = \sum_j \frac{x_i w_{ij} - l_i w_{ij}^{+} - h_i w_{ij}^{-}}"
    r"{\sum_k x_k w_{kj} - l_k w_{kj}^{+} - h_k w_{kj}^{-}} R_j \;\text{ at the pixels}",
    warning="Hardly changes when the last layers are randomised (Sixt et al. 2020, "
    "arXiv:1912.09818), like every rule that only knows positive contributions.",
    params=(EPSILON, BATCHNORM),
    cost=lambda settings: 2.0,
)
def deep_taylor(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    epsilon: float = 1e-6,
    batchnorm: str = "fold",
) -> Tensor:
    """Taylor decompositions of every neuron: the z+ rule inside, the z^B rule at the pixels.

    Source: Montavon et al. 2017, arXiv:1512.02479, eqs 13 and 16. It is LRP α1β0 but for the
    layers that read the picture. Their box is what ``clf.normalise`` makes of pixels 0 and 1;
    for a model without mean and standard deviation, whose units are unknown, it reaches from
    the smallest to the largest value of each picture.
    Differs from the paper: a negative logit is explained too, by negative relevance; the
    paper explains what a ReLU gave. A layer whose inputs have both signs, which the paper
    does not know inside a network, is treated by the sign of each product.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        epsilon: in units of the layers' outputs.
        batchnorm: "fold" it into the layer before it, or pass relevance on ("identity").

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: the model has a step without a rule.
    """
    graph = read_shared(clf, x, batchnorm == "fold")
    inside = parted_rule(graph, torch.zeros(1), epsilon)
    rule = pixel_rule(graph, pixel_box(clf, x), inside, epsilon)
    rules = {**common_rules(graph), Affine: rule}
    return lead_back(graph, at_logits(graph, targets), rules, "Deep Taylor")[0]


def pixel_box(clf: Classifier, x: Tensor) -> tuple[Tensor, Tensor]:
    """Smallest and largest input of every pixel, both of the shape of ``x`` [N, 3, H, W]."""
    if clf.mean is None:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        return low.expand_as(x).contiguous(), high.expand_as(x).contiguous()
    return clf.normalise(torch.zeros_like(x)), clf.normalise(torch.ones_like(x))


def pixel_rule(graph: Graph, box: tuple[Tensor, Tensor], inside: Rule, epsilon: float) -> Rule:
    """The z^B rule for the layers that read the picture, ``inside`` for all others.

    Args:
        graph: the recorded network.
        box: of the picture, see ``pixel_box``.
        inside: rule of the other convolutions and linear layers.
        epsilon: added to the denominators with their sign.
    """
    boxes = _boxes(graph, box)

    def divided(relevance: Tensor, z: Tensor) -> Tensor:
        return relevance / stabilised(z, epsilon)

    def rule(node: Affine, signal: Tensor) -> tuple[Tensor, ...]:
        number = node.inputs[0]
        if number not in boxes:
            return tuple(inside(node, signal))
        return (box_rule(node, signal, graph.values[number], boxes[number], divided),)

    return rule


def _boxes(graph: Graph, box: tuple[Tensor, Tensor]) -> Boxes:
    """Boxes of the picture and of all that is only scaled, shifted or rearranged pixels."""
    boxes = {0: box}
    for node in graph.nodes:
        if isinstance(node, Constant | Rearranging) and all(n in boxes for n in node.inputs):
            lows = node.step.call(*(boxes[number][0] for number in node.inputs))
            highs = node.step.call(*(boxes[number][1] for number in node.inputs))
            for number, low, high in zip(node.step.outputs, lows, highs, strict=True):
                # A negative factor turns the box round.
                boxes[number] = torch.minimum(low, high), torch.maximum(low, high)
    return boxes
