"""FullGrad: the gradient at the picture together with the gradients at all biases.

Notation: z is a step's output, b the part of z that does not scale with the step's input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, read_shared
from xai_core.explainers.nodes import (
    Activation,
    Adding,
    Affine,
    Averaging,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rearranging,
    Rectifier,
    Subtracting,
    vjp,
)
from xai_core.explainers.recorded_gradient import gradients
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier
from xai_core.models.recorder import REMEDY

_WITHOUT_BIAS = (Adding, Subtracting, Averaging, MaxPool)


@register(
    title="FullGrad",
    family="gradient",
    signed=False,
    channels=1,
    citation="Srinivas & Fleuret 2019, arXiv:1905.00780",
    shows="Which places the score of the class depends on, at the pixels and inside every layer.",
    formula=r"R = \psi\Big(x \odot \frac{\partial f_y}{\partial x}\Big) + \sum_{l,k} "
    r"\psi\Big(b_{lk} \frac{\partial f_y}{\partial z_{lk}}\Big), \quad "
    r"f_y = x \cdot \frac{\partial f_y}{\partial x} + "
    r"\sum_l b_l \cdot \frac{\partial f_y}{\partial z_l}",
    warning="Only the parts add up to the score; their absolute values, scaled layer by layer "
    "(psi), do not, and give every layer a say whatever its share of the score.",
)
def fullgrad(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Absolute input and bias gradients, each scaled to [0, 1], enlarged and summed.

    psi takes absolute values, brings each image's smallest to 0 and divides by the largest
    plus 1e-6, both over all channels and places of the layer together; it enlarges
    bilinearly with aligned corners. Biases without places, of linear layers, are left out.

    Source: Srinivas & Fleuret 2019, arXiv:1905.00780, and the authors' code.
    Differs from pytorch-grad-cam: it scales every channel by itself.
    Differs from the authors' code: the implicit biases of activations other than ReLU (above
    all ReLU6) and of constants are counted, as the paper defines them; without them the parts
    do not add up to the logit.

    Arguments are those of ``saliency``.

    Returns:
        [N, 1, H, W].

    Raises:
        MethodError: a step of the model is neither linear nor an element-wise activation.
    """
    size = x.shape[2:]
    total = torch.zeros_like(x[:, :1])
    for _, term in fullgrad_terms(clf, x, targets):
        if term.dim() == 4:
            # Summed before it is enlarged, which comes to the same and is quicker.
            scaled = _scaled(term.abs()).sum(dim=1, keepdim=True)
            total += F.interpolate(scaled, size=size, mode="bilinear", align_corners=True)
    return total


def fullgrad_terms(clf: Classifier, x: Tensor, targets: Tensor) -> list[tuple[str, Tensor]]:
    """The parts that the logit is made of: their sums over everything but images add up to it.

    An activation z = f(a) has the implicit bias f(a) - a f'(a), a BatchNorm its shift
    beta - gamma * mean / sqrt(var + eps), an added constant itself.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        ("input", x times gradient, [N, 3, H, W]), then for every step with a bias, in the
        order in which they run, (its layer, bias times gradient, in the shape of its output).

    Raises:
        MethodError: a step of the model is neither linear nor an element-wise activation.
    """
    graph = read_shared(clf, x, False)
    with torch.no_grad():
        biases = list(_biases(graph))
        slopes = gradients(graph, targets, [0, *(number for _, number, _ in biases)])
        terms = [("input", x * slopes[0])]
        return terms + [(layer, bias * slopes[number]) for layer, number, bias in biases]


def _biases(graph: Graph) -> Iterator[tuple[str, int, Tensor]]:
    """Every bias: its layer, the value it is a part of, and itself, to be multiplied with that."""
    for node in graph.nodes:
        layer = node.step.layer
        if isinstance(node, Affine):
            if node.bias is not None:
                yield layer, node.output, node.along(node.bias)
        elif isinstance(node, Normalisation):
            along = [1] * (graph.values[node.output].dim() - 2)
            yield layer, node.output, node.shift.view(-1, *along)
        elif isinstance(node, Rectifier | Activation):
            bias = _of_activation(graph, node)
            # A ReLU has none on any picture.
            if bias is not None:
                yield layer, node.output, bias
        elif isinstance(node, Constant | Rearranging):
            zeros = [torch.zeros_like(graph.values[number]) for number in node.inputs]
            for number, bias in zip(node.step.outputs, node.step.call(*zeros), strict=True):
                if bool(bias.any()):
                    yield layer, number, bias
        elif not isinstance(node, _WITHOUT_BIAS):
            raise MethodError(
                f"FullGrad is defined for linear steps and element-wise activations, but the "
                f"model has the step {node.label}; {REMEDY}"
            )


def _of_activation(graph: Graph, node: Node) -> Tensor | None:
    """What an activation's output has beyond its slope times its input; None for ReLU."""
    if isinstance(node, Rectifier) and math.isinf(node.top):
        return None
    a = graph.values[node.inputs[0]]
    slope = vjp(node.step.call, [a], [torch.ones_like(a)[None]])[0][0]
    return graph.values[node.output] - a * slope


def _scaled(term: Tensor) -> Tensor:
    """Each image of [N, K, h, w] from 0 to about 1."""
    term = term - term.amin(dim=(1, 2, 3), keepdim=True)
    return term / (term.amax(dim=(1, 2, 3), keepdim=True) + 1e-6)
