"""Rules of relevance propagation that several methods share.

Notation: a are a layer's inputs, z its outputs without bias, R relevance [P, N, ...], where the
axis P holds variants of a method; x+ and x- are the positive and negative part of x, and w+, w-
those of the weights. eps is added to a denominator with the denominator's own sign, so that it
never vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from xai_core.explainers.graph import Graph, Rule, gradient, one_hot
from xai_core.explainers.nodes import (
    Adding,
    Affine,
    Averaging,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rectifier,
)

EPSILON = 1e-6


def stabilised(z: Tensor, epsilon: float | Tensor) -> Tensor:
    """The denominator z + epsilon * sign(z); epsilon where z is zero."""
    return torch.where(z < 0, z - epsilon, z + epsilon)


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 0 where ``whole`` is 0."""
    empty = whole == 0
    return (part / whole.where(~empty, 1)).where(~empty, 0)


def at_logits(graph: Graph, targets: Tensor) -> Tensor:
    """Relevance to start with: the class's logit at the class, [1, N, K]."""
    return one_hot(graph, targets) * graph.values[graph.output]


def common_rules(graph: Graph, epsilon: float = EPSILON) -> dict[type[Node], Rule]:
    """Rules for everything that has no weights.

    - ReLU, products with constants, added constants and a BatchNorm that was not folded pass
      relevance on as it is.
    - Max-pooling gives it to the winner, in a tie the first (``ties``).
    - Averages and sums of branches share it out by what each input contributes:
      ``R_i = a_i R / (z + eps sign z)``.

    Other steps, such as a product of two branches, have none: the method is then refused.
    """

    def passed(node: Node, signal: Tensor) -> tuple[Tensor]:
        return (signal,)

    def shared_out(node: Node, signal: Tensor) -> tuple[Tensor, ...]:
        ratio = signal / stabilised(graph.values[node.output], epsilon)
        parts = gradient(graph, node, ratio)
        return tuple(
            part * graph.values[number] for number, part in zip(node.inputs, parts, strict=True)
        )

    return {
        **dict.fromkeys((Rectifier, Constant, Normalisation), passed),
        MaxPool: partial(gradient, graph),
        **dict.fromkeys((Averaging, Adding), shared_out),
    }


def epsilon_rule(graph: Graph, epsilon: float, bias: bool, relative: bool = False) -> Rule:
    """``R_i = sum_j a_i w_ij R_j / (z_j + b_j + eps sign(z_j + b_j))``, b_j only if ``bias``.

    Args:
        graph: the recorded network.
        epsilon: in units of the layers' outputs.
        bias: whether the bias is part of the denominator.
        relative: ``epsilon`` counts in each layer's and image's mean denominator without sign;
            where all of them are zero, in units of the outputs as before.
    """

    def rule(node: Affine, signal: Tensor) -> tuple[Tensor]:
        (number,) = node.inputs
        z = graph.values[node.output]
        if node.bias is not None and not bias:
            z = z - node.along(node.bias)
        size = epsilon * _mean_size(z) if relative else epsilon
        a = graph.values[number]
        return (node.transposed(signal / stabilised(z, size), a).mul_(a),)

    return rule


def _mean_size(z: Tensor) -> Tensor:
    """Mean of |z| over everything but the images, [N, 1, ...]; 1 where all are zero."""
    mean = z.abs().mean(tuple(range(1, z.dim())), keepdim=True)
    return mean.where(mean > 0, 1)


def parted_rule(
    graph: Graph, negative: Tensor, epsilon: float = EPSILON, bias: bool = False
) -> Rule:
    """Positive and negative contributions, each shared out by itself, then mixed.

    With ``z+ = w+ a+ + w- a-`` and ``z- = w- a+ + w+ a-``, what lifts and what lowers the output,

        R_i = (1 - t) sum_j (z+)_ij R_j / z+_j  +  t sum_j (z-)_ij R_j / z-_j

    where the bias adds its own positive and negative part to z+_j and z-_j if ``bias``. t is 0
    for the z+ rule, -beta for the alpha-beta rule, and 1 for negated weights under the z+ rule.

    Args:
        graph: the recorded network.
        negative: t of each variant, [P]; those with t = 0 first, for speed.
        epsilon: see the module.
        bias: whether the bias takes its share, which is then lost.
    """
    first = int(((negative != 0).cumsum(0) == 0).sum())  # variants without a negative part

    def rule(node: Affine, signal: Tensor) -> tuple[Tensor]:
        a = graph.values[node.inputs[0]]
        inputs = [a] if bool(a.min() >= 0) else [a.clamp(min=0), a.clamp(max=0)]
        t = negative[first:].to(a).view(-1, *[1] * a.dim())
        total = torch.zeros(())
        # Outputs do not depend on each other; only what they give to the inputs is summed.
        for outputs, weight in node.blocks():
            weights = [weight.clamp(min=0)]
            if len(inputs) > 1 or len(t):
                weights.append(weight.clamp(max=0))
            biases: tuple[Tensor | None, Tensor | None] = (None, None)
            if bias and node.bias is not None:
                biases = node.bias[outputs].clamp(min=0), node.bias[outputs].clamp(max=0)
            arriving = signal if node.options is not None else signal[..., outputs]
            led = _shared_out(node, inputs, weights, biases[0], arriving, epsilon)
            if len(t):
                led[first:].lerp_(
                    _shared_out(node, inputs, weights[::-1], biases[1], arriving[first:], epsilon),
                    t,
                )
            total = total.add_(led) if total.dim() else led
        return (total,)

    return rule


def box_rule(
    node: Affine,
    signal: Tensor,
    a: Tensor,
    box: tuple[Tensor, Tensor],
    divided: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """The z^B rule, without bias, for a layer whose inputs lie between bounds.

    Args:
        node: the layer.
        signal: relevance of its output.
        a: its input.
        box: the lowest and the highest that each input can be, both of the shape of ``a``.
        divided: relevance by the denominators.
    """
    low, high = box
    weight = node.weight
    raising, lowering = weight.clamp(min=0), weight.clamp(max=0)
    z = node.forward(a, weight) - node.forward(low, raising) - node.forward(high, lowering)
    ratio = divided(signal, z)
    led = a * node.back(ratio, weight, a)
    led -= low * node.back(ratio, raising, a)
    led -= high * node.back(ratio, lowering, a)
    return led


def _shared_out(
    node: Affine,
    inputs: Sequence[Tensor],
    weights: Sequence[Tensor],
    bias: Tensor | None,
    signal: Tensor,
    epsilon: float,
) -> Tensor:
    """Relevance, shared out by the products of each input and the weight in the same place."""
    z = node.forward(inputs[0], weights[0])
    for a, weight in zip(inputs[1:], weights[1:], strict=False):
        z = z + node.forward(a, weight)
    if bias is not None:
        z = z + node.along(bias)
    ratio = signal / stabilised(z, epsilon)
    led = node.back(ratio, weights[0], inputs[0]).mul_(inputs[0])
    for a, weight in zip(inputs[1:], weights[1:], strict=False):
        led = led.addcmul_(node.back(ratio, weight, a), a)
    return led
