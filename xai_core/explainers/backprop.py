"""DeconvNet, guided backpropagation and RectGrad: another way back through the ReLUs.

Notation: at a ReLU, a is its input, out its output and g the signal that comes back to that.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xai_core.explainers.graph import lead_back, one_hot
from xai_core.explainers.nodes import Rectifier
from xai_core.explainers.recorded_gradient import (
    DECONVNET,
    GUIDED,
    chain_rules,
    rectified,
)
from xai_core.explainers.registry import register
from xai_core.explainers.relu_networks import rectifier_graph
from xai_core.explainers.ties import tolerance
from xai_core.models.classifier import Classifier
from xai_core.params import FloatParam

_BLIND = (
    "Barely depends on the upper layers or on the class: it recovers the picture's edges, even "
    "when those layers are randomised (Adebayo et al. 2018, arXiv:1810.03292; Nie et al. 2018, "
    "arXiv:1805.07039; Sixt et al. 2020, arXiv:1912.09818)."
)


@register(
    title="DeconvNet",
    family="backprop",
    signed=True,
    citation="Zeiler & Fergus 2014, arXiv:1311.2901",
    shows="A reconstruction of the patterns in the picture that excite the model, led back "
    "from the class.",
    formula=r"g_{\mathrm{in}} = \max(g_{\mathrm{out}}, 0) \text{ at every ReLU}",
    warning=_BLIND,
)
def deconvnet(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Gradient whose signal is rectified at every ReLU, active or not (S eq. 4.5).

    Max-pooling returns the signal to the winner of each window; in a tie, which is common
    where a whole window is zero, the first element in row-major order wins (``ties``).

    Source: Zeiler & Fergus 2014, arXiv:1311.2901.
    Differs from Captum: ReLU6 is treated too, and a model without ReLUs is refused; both
    would silently give the plain gradient there.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        [N, 3, H, W], in logits per unit of input.

    Raises:
        MethodError: the model has no ReLU, or other activations beside it.
    """
    return rectified(clf, x, targets, DECONVNET, "DeconvNet")


@register(
    title="Guided backpropagation",
    family="backprop",
    signed=True,
    citation="Springenberg et al. 2015, arXiv:1412.6806",
    shows="Fine patterns in the picture that excite the model, led back from the class along "
    "excited paths only.",
    formula=r"g_{\mathrm{in}} = [a > 0]\, \max(g_{\mathrm{out}}, 0) \text{ at every ReLU}",
    warning=_BLIND,
)
def guided_backprop(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Gradient that passes a ReLU only where it was active and the signal positive (S eq. 4.6).

    Source: Springenberg et al. 2015, arXiv:1412.6806.
    Differs from Captum: ReLU6 is treated too, and a model without ReLUs is refused; both
    would silently give the plain gradient there.

    Arguments, result and errors are those of ``deconvnet``.
    """
    return rectified(clf, x, targets, GUIDED, "Guided backpropagation")


@register(
    title="RectGrad",
    family="backprop",
    signed=False,
    citation="Kim et al. 2019, arXiv:1902.04893",
    shows="The pixels whose influence passes, at every layer, through the units that matter "
    "most for the class.",
    formula=r"g_{\mathrm{in}} = [\mathrm{out} \odot g_{\mathrm{out}} > \tau]\, "
    r"g_{\mathrm{out}} \text{ at every ReLU}, \quad R = \max(x \odot g, 0)",
    warning="Fails the sanity check of random upper layers like the other modified "
    "backpropagations (Sixt et al. 2020, arXiv:1912.09818); a threshold at or above 0 leaves "
    "only what guided backpropagation leaves.",
    params=(
        FloatParam(
            "q",
            98.0,
            "Share of a layer's units, in percent, whose signal is cut.",
            low=0.0,
            high=100.0,
        ),
    ),
)
def rectgrad(clf: Classifier, x: Tensor, targets: Tensor, *, q: float = 98.0) -> Tensor:
    """Input times gradient, of which every ReLU lets only the most important part through.

    A unit's importance is its activation times the signal (S eq. 4.9); the threshold is the
    q-th percentile of the importance in each layer of each image, with linear interpolation
    between neighbouring values. As a unit must exceed the threshold, those pass that exceed the
    value of rank floor(q (n - 1) / 100), from 0, among the n units, by more than the
    tolerance of ``ties``. At the input, positive products stay (S eq. 4.10).

    Where the threshold is 0 it is the positive part of input times guided backpropagation.

    Source: Kim et al. 2019, arXiv:1902.04893.
    Differs from the authors' code: it takes the nearest of the neighbouring values as the
    percentile, so that a unit more or less may pass.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        q: percentile of the threshold; at 100 nothing passes.

    Returns:
        Logits, not negative, [N, 3, H, W].

    Raises:
        MethodError: the model has no ReLU, or other activations beside it.
    """
    graph = rectifier_graph(clf, x, "RectGrad")

    def way_back(node: Rectifier, signal: Tensor) -> tuple[Tensor]:
        importance = (graph.values[node.output] * signal[0]).flatten(1)
        rank = math.floor(q * (importance.shape[1] - 1) / 100)
        threshold = importance.kthvalue(rank + 1, dim=1, keepdim=True).values
        # A product rather than a choice, so that what is not a number stays so.
        passing = importance > threshold + tolerance(importance)
        return (node.factor * signal * passing.view_as(signal),)

    rules = {**chain_rules(graph), Rectifier: way_back}
    with torch.no_grad():
        found = lead_back(graph, one_hot(graph, targets), rules, "RectGrad")[0]
    return (x * found).clamp(min=0)
