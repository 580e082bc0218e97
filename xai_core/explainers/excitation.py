"""Excitation backprop and its contrastive form.

Notation as in ``relevance``; p are the probabilities that a "winning" neuron is drawn.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, lead_back, one_hot, read_shared
from xai_core.explainers.nodes import Affine
from xai_core.explainers.refusals import without_influence
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import common_rules, parted_rule
from xai_core.explainers.settings import BATCHNORM, LAYER
from xai_core.models.classifier import Classifier
from xai_core.models.weight_layers import module_at

# So small that it only keeps 0 / 0 from being undefined.
TINY = 1e-20


@register(
    title="Excitation backprop",
    family="relevance",
    signed=False,
    channels=1,
    citation="Zhang et al. 2016, arXiv:1608.00507",
    shows="Where a random walk from the class back through the network ends, if it follows "
    "connections that raise the neuron it comes from.",
    formula=r"p_i = \sum_j \frac{a_i w_{ij}^{+}}{\sum_k a_k w_{kj}^{+}} p_j",
    warning="Similar for all classes of a picture, because it ignores negative weights: its "
    "contrastive form was made against that (Zhang et al. 2016, section 3.3).",
    params=(LAYER, BATCHNORM),
    cost=lambda settings: 2.0,
)
def excitation_backprop(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    batchnorm: str = "fold",
) -> Tensor:
    """Marginal winning probabilities at a layer, summed over its channels (C section 4.2).

    Source: Zhang et al. 2016, arXiv:1608.00507, eqs 3-5. Biases take no part; ReLU passes
    p on, max-pooling to the winner, averages and sums of branches share it out by what each
    input contributes.
    Differs from the paper: layers whose inputs have both signs are treated by the sign of
    each product, as LRP α1β0 does; BatchNorm, which it does not treat, is folded.
    Differs from TorchRay: it passes p on through BatchNorm, as ``batchnorm="identity"`` does.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of the layer; the classifier's ``cam_layer`` if None. With
            ``batchnorm="fold"`` a convolution's output is that of the BatchNorm behind it.
        batchnorm: "fold" it into the layer before it, or pass p on ("identity").

    Returns:
        Probabilities, [N, 1, h, w] at the layer's resolution; they sum to 1 but for what ends
        at neurons that only their bias excites. Where a network adds branches of opposite
        signs, as ResNets do, the shares can be negative and are no probabilities any more.

    Raises:
        ModelError: there is no such layer, or no convolution to choose by default.
        MethodError: the layer's output is not one map per channel, or the model has a step
            without a rule.
    """
    return _winning(clf, x, targets, layer, batchnorm, (0.0,), "Excitation backprop")[0]


@register(
    title="Contrastive excitation backprop",
    family="relevance",
    signed=False,
    channels=1,
    citation="Zhang et al. 2016, arXiv:1608.00507",
    shows="Where the class wins more than its opposite does: what speaks for it and not just "
    "for anything.",
    formula=r"R = \max\Big(\sum_k (p - \bar{p})_k,\, 0\Big), \quad \bar{p}: "
    r"\text{ with the last layer's weights negated}",
    warning="What remains may be a small difference of large numbers, and is empty where the "
    "opposite wins everywhere.",
    params=(LAYER, BATCHNORM),
    cost=lambda settings: 2.5,
)
def cmwp(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    batchnorm: str = "fold",
) -> Tensor:
    """Contrastive marginal winning probability (C section 4.2).

    Source: Zhang et al. 2016, arXiv:1608.00507, section 3.3: excitation backprop, minus the
    same with the last layer's weights negated; the sum over the channels where it is positive.

    Returns:
        Differences of probabilities, [N, 1, h, w] at the layer's resolution, not negative.
        Arguments and errors are those of ``excitation_backprop``.
    """
    title = "Contrastive excitation backprop"
    both = _winning(clf, x, targets, layer, batchnorm, (0.0, 1.0), title)
    return (both[0] - both[1]).clamp(min=0)


def _winning(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    layer: str | None,
    batchnorm: str,
    negated: tuple[float, ...],
    title: str,
) -> Tensor:
    """Summed over the channels, [P, N, 1, h, w]; ``negated``: 1 for the last layer's weights."""
    name = clf.cam_layer if layer is None else layer
    module_at(clf.module, name)
    graph = read_shared(clf, x, batchnorm == "fold")
    stop = _map_of(graph, name)
    last = next(node for node in reversed(graph.nodes) if isinstance(node, Affine))
    inside = parted_rule(graph, torch.zeros(len(negated)), TINY)
    # Negated weights raise where the weights lower.
    at_last = parted_rule(graph, torch.tensor(negated), TINY)

    def rule(node: Affine, signal: Tensor) -> tuple[Tensor, ...]:
        return tuple((at_last if node is last else inside)(node, signal))

    start = one_hot(graph, targets).expand(len(negated), -1, -1)
    rules = {**common_rules(graph, TINY), Affine: rule}
    return lead_back(graph, start, rules, title, stop).sum(2, keepdim=True)


def _map_of(graph: Graph, layer: str) -> int:
    """Number of the layer's value.

    Raises:
        MethodError: it is not one map per channel, or the scores do not depend on it.
    """
    number = graph.value_of(layer)
    if graph.values[number].dim() != 4:
        raise MethodError(
            f"Layer '{layer}' gives no maps [images, channels, height, width]; "
            "choose a convolution or another layer in front of the classifier's last ones. "
            "integrated_gradients needs no layer."
        )
    if not graph.leads_to_logits(number):
        raise without_influence(layer)
    return number
