"""Guided backpropagation and DeconvNet: gradients with another way back through the ReLUs.

Notation: at a ReLU, a is its input and g the signal that comes back to its output.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from xai_core.errors import MethodError
from xai_core.explainers.gradient import logit_gradient
from xai_core.explainers.registry import register
from xai_core.explainers.surgery import replace_layers
from xai_core.models.classifier import Classifier

RECTIFIERS = (nn.ReLU, nn.ReLU6)
# Activations that take a ReLU's place, and for which neither method says what to do.
OTHER_ACTIVATIONS = (
    nn.CELU,
    nn.ELU,
    nn.GELU,
    nn.Hardswish,
    nn.LeakyReLU,
    nn.Mish,
    nn.PReLU,
    nn.RReLU,
    nn.SELU,
    nn.SiLU,
    nn.Softplus,
    nn.Tanh,
)
_BLIND = (
    "Barely depends on the upper layers or on the class: it recovers the picture's edges, even "
    "when those layers are randomised (Adebayo et al. 2018, arXiv:1810.03292; Nie et al. 2018, "
    "arXiv:1805.07039; Sixt et al. 2020, arXiv:1912.09818)."
)


class _Rectify(torch.autograd.Function):
    """ReLU or ReLU6 forward; backward only positive signals, masked by activity if guided."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, ceiling: float, guided: bool) -> Tensor:
        ctx.guided = guided
        ctx.save_for_backward((a > 0) & (a < ceiling))
        return a.clamp(0, ceiling)

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None]:
        positive = signals[0].clamp(min=0)
        (active,) = ctx.saved_tensors
        return (positive * active if ctx.guided else positive), None, None


class _Rectifier(nn.Module):
    """Takes the place of a ReLU or ReLU6; any shape."""

    def __init__(self, layer: nn.Module, guided: bool) -> None:
        super().__init__()
        self.ceiling = 6.0 if isinstance(layer, nn.ReLU6) else float("inf")
        self.guided = guided

    def forward(self, a: Tensor) -> Tensor:
        out: Tensor = _Rectify.apply(a, self.ceiling, self.guided)
        return out


def _rectified_gradient(
    clf: Classifier, x: Tensor, targets: Tensor, *, guided: bool, title: str
) -> Tensor:
    for name, layer in clf.module.named_modules():
        if isinstance(layer, OTHER_ACTIVATIONS):
            raise MethodError(
                f"{title} is defined for ReLU networks only, but layer '{name}' is a "
                f"{type(layer).__name__}; saliency or integrated_gradients work on this model."
            )
    twin = clf.private()
    if not replace_layers(twin.module, RECTIFIERS, lambda layer: _Rectifier(layer, guided)):
        raise MethodError(
            f"{title} changes how ReLU layers are passed backwards, but this model has none; "
            "saliency or integrated_gradients work on it."
        )
    return logit_gradient(twin, x, targets)


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
    where a whole window is zero, the first element in row-major order wins.

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
    return _rectified_gradient(clf, x, targets, guided=False, title="DeconvNet")


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

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        [N, 3, H, W], in logits per unit of input.

    Raises:
        MethodError: the model has no ReLU, or other activations beside it.
    """
    return _rectified_gradient(clf, x, targets, guided=True, title="Guided backpropagation")
