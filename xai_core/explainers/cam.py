"""Class activation maps.

Notation: A [N, K, h, w] is a layer's output, dA its gradient df_y/dA, of the same shape.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.backprop import guided_backprop
from xai_core.explainers.params import LAYER, RELU, UPSAMPLE
from xai_core.explainers.passes import activation_and_gradient
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier


@register(
    title="Grad-CAM",
    family="cam",
    signed=False,
    channels=1,
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="In which coarse regions the model finds what speaks for the class.",
    formula=r"R = \max\Big(\sum_k \alpha_k A_k,\, 0\Big), \quad "
    r"\alpha_k = \frac{1}{hw} \sum_{i,j} \frac{\partial f_y}{\partial A_{kij}}",
    warning="As coarse as its layer; the averaged gradient can mark places that the model does "
    "not use (Draelos & Carin 2020, arXiv:2011.08891).",
    params=(LAYER, RELU),
)
def gradcam(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    relu: bool = True,
) -> Tensor:
    """Channels of a layer, weighted by their mean gradient and summed (S eqs 4.11-4.12).

    Source: Selvaraju et al. 2017, arXiv:1610.02391. The layer's own output is taken: for a
    convolution the values before BatchNorm and ReLU; choose the ReLU for those behind it.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of the layer; the classifier's ``cam_layer`` if None.
        relu: set negative values to zero.

    Returns:
        [N, 1, h, w] at the layer's resolution.

    Raises:
        ModelError: there is no such layer, or no convolution to choose by default.
        MethodError: the layer's output is not one map per channel.
    """
    activation, gradient = activation_and_gradient(clf, x, targets, layer)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    cam = (weights * activation).sum(dim=1, keepdim=True)
    return cam.relu() if relu else cam


@register(
    title="Guided Grad-CAM",
    family="cam",
    signed=True,
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="The fine patterns of guided backpropagation inside the regions of Grad-CAM.",
    formula=r"R = R_{\mathrm{guided}} \odot \mathrm{upsample}(R_{\mathrm{Grad\text{-}CAM}})",
    warning="Its fine detail comes from guided backpropagation, which hardly notices when the "
    "upper layers are randomised (Adebayo et al. 2018, arXiv:1810.03292).",
    params=(LAYER, UPSAMPLE),
    cost=lambda settings: 2.0,
)
def guided_gradcam(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    upsample: str = "bilinear",
) -> Tensor:
    """Guided backpropagation times the enlarged, non-negative Grad-CAM.

    Source: Selvaraju et al. 2017, arXiv:1610.02391, section 3.1. ``upsample="nearest"`` equals
    Captum; the paper's bilinear interpolation is the default (corners not aligned).

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        layer: dotted name of Grad-CAM's layer; the classifier's ``cam_layer`` if None.
        upsample: "bilinear" or "nearest".

    Returns:
        [N, 3, H, W].

    Raises:
        ModelError: there is no such layer, or no convolution to choose by default.
        MethodError: the layer's output is not one map per channel, or the model has no ReLU.
    """
    cam = gradcam(clf, x, targets, layer=layer)
    size = (x.shape[2], x.shape[3])
    return guided_backprop(clf, x, targets) * F.interpolate(cam, size=size, mode=upsample)
