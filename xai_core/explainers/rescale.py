"""The Rescale rule of DeepLIFT: multipliers led back through a recorded network.

Notation: a quantity at the picture x and at the baseline b differs by its change; the
multiplier of a value is what the logit's change is per unit of the value's change. P baselines
share one run of the pictures: their multipliers go back as one batch [P, N, ...].
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, Rule, lead_back, linear_rules, one_hot
from xai_core.explainers.nodes import Activation, MaxPool, Node, Rectifier
from xai_core.explainers.recorded import record
from xai_core.explainers.secants import pool_back, secant
from xai_core.models.classifier import Classifier
from xai_core.models.recorder import REMEDY


def values_at(clf: Classifier, baselines: Tensor, graph: Graph) -> list[Tensor]:
    """Every value of the network at the baselines, numbered as in ``graph``.

    Args:
        clf: the classifier.
        baselines: network input, [B, 3, H, W].
        graph: the same network run on the pictures.

    Raises:
        MethodError: it took other steps there.
    """
    with torch.no_grad():
        tape = record(clf, baselines)
    if tape.taken() != graph.taken:
        raise MethodError(
            f"{clf.title} takes other steps for the baseline than for the picture, so that they "
            f"cannot be compared; {REMEDY}"
        )
    return tape.values


def multipliers(graph: Graph, origins: Sequence[Tensor], targets: Tensor, title: str) -> Tensor:
    """Multipliers of the pixels by the Rescale rule.

    Args:
        graph: the network run on the pictures, [N, 3, H, W].
        origins: every value of the network at the baselines, [P, N or 1, ...].
        targets: explained classes, int64 [N].
        title: the method's name, for errors.

    Returns:
        Logits per unit of input, [P, N, 3, H, W]; P is 1 if the network is linear.

    Raises:
        MethodError: a step without a rule, by name.
    """

    def rescaled(node: Node, signal: Tensor) -> Sequence[Tensor]:
        return (secant(node, *ends(graph, node, origins, title)).mul_(signal),)

    rules: dict[type[Node], Rule] = {
        **linear_rules(graph),
        Rectifier: rescaled,
        Activation: rescaled,
        MaxPool: partial(pooled, graph, origins, title),
    }
    with torch.no_grad():
        return lead_back(graph, one_hot(graph, targets), rules, title)


def pooled(
    graph: Graph, origins: Sequence[Tensor], title: str, node: MaxPool, signal: Tensor
) -> Sequence[Tensor]:
    """The rule of max-pooling; see ``pool_back``."""
    outs = graph.values[node.output], origins[node.output]
    return (pool_back(node, signal, *ends(graph, node, origins, title), *outs),)


def ends(graph: Graph, node: Node, origins: Sequence[Tensor], title: str) -> tuple[Tensor, Tensor]:
    """What a node with one input takes at the pictures and at the baselines.

    Raises:
        MethodError: the pictures are not the first axis of its input.
    """
    (number,) = node.inputs
    a, a0 = graph.values[number], origins[number]
    if len(a) != len(graph.values[0]) or a.shape[1:] != a0.shape[2:]:
        raise MethodError(
            f"{title} cannot tell the pictures apart in the step {node.label}; {REMEDY}"
        )
    return a, a0
