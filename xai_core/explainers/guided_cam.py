"""The fine patterns of guided backpropagation inside the regions of class activation maps."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.backprop import guided_backprop
from xai_core.explainers.cam import gradcam, gradcam_pp
from xai_core.explainers.registry import register
from xai_core.explainers.settings import LAYER, UPSAMPLE
from xai_core.models.classifier import Classifier

_FINE = (
    "Its fine detail comes from guided backpropagation, which hardly notices when the "
    "upper layers are randomised (Adebayo et al. 2018, arXiv:1810.03292)."
)


@register(
    title="Guided Grad-CAM",
    family="cam",
    signed=True,
    citation="Selvaraju et al. 2017, arXiv:1610.02391",
    shows="The fine patterns of guided backpropagation inside the regions of Grad-CAM.",
    formula=r"R = R_{\mathrm{guided}} \odot \mathrm{upsample}(R_{\mathrm{Grad\text{-}CAM}})",
    warning=_FINE,
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
        MethodError: the layer's output is no map, or the model has no ReLU.
    """
    return _guided(clf, x, targets, gradcam(clf, x, targets, layer=layer), upsample)


@register(
    title="Guided Grad-CAM++",
    family="cam",
    signed=True,
    citation="Chattopadhyay et al. 2018, arXiv:1710.11063",
    shows="The fine patterns of guided backpropagation inside the regions of Grad-CAM++.",
    formula=r"R = R_{\mathrm{guided}} \odot \mathrm{upsample}(R_{\mathrm{Grad\text{-}CAM{++}}})",
    warning=_FINE,
    params=(LAYER, UPSAMPLE),
    cost=lambda settings: 2.0,
)
def guided_gradcam_pp(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    layer: str | None = None,
    upsample: str = "bilinear",
) -> Tensor:
    """Guided backpropagation times the enlarged, non-negative Grad-CAM++.

    Source: Chattopadhyay et al. 2018, arXiv:1710.11063, section 3.4; enlarged as in
    ``guided_gradcam``.

    Arguments, result and errors are those of ``guided_gradcam``.
    """
    return _guided(clf, x, targets, gradcam_pp(clf, x, targets, layer=layer), upsample)


def _guided(clf: Classifier, x: Tensor, targets: Tensor, cam: Tensor, upsample: str) -> Tensor:
    size = (x.shape[2], x.shape[3])
    return guided_backprop(clf, x, targets) * F.interpolate(cam, size=size, mode=upsample)
