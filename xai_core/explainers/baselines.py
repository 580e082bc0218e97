"""Baselines: the pictures without evidence from which differences are measured."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.errors import MethodError
from xai_core.models.classifier import Classifier

BLUR_SIZE = 15  # pixels; S section 7.2.1 blurs with a "gaussian filter of size 15x15"
# S names no standard deviation; this is the one OpenCV takes for a kernel of that size.
BLUR_SIGMA = 0.3 * ((BLUR_SIZE - 1) / 2 - 1) + 0.8


def reference(clf: Classifier, x: Tensor, baseline: str | Tensor) -> Tensor:
    """The baseline of every image, in the units of the model's input.

    Args:
        clf: the classifier; its normalisation decides what black is.
        x: network input, [N, 3, H, W].
        baseline: "black" (pixel value 0; the input 0 if the model has no mean and std),
            "blurred" (Gaussian of 15 x 15 pixels and sigma 2.6, edge pixels repeated),
            "mean" (each image's own mean colour), or an input tensor [1 | N, 3, H, W].

    Returns:
        [N, 3, H, W], in the type and on the device of ``x``.

    Raises:
        MethodError: a tensor of another shape, or with values that are not finite.
    """
    if isinstance(baseline, Tensor):
        if baseline.shape not in (x.shape, (1, *x.shape[1:])):
            raise MethodError(
                f"The baseline has the shape {list(baseline.shape)}, but the pictures have "
                f"{list(x.shape)}; give one baseline, or one for each picture."
            )
        if not bool(torch.isfinite(baseline).all()):
            raise MethodError("The baseline has values that are not finite numbers.")
        return baseline.detach().to(x).expand_as(x).clone()
    if baseline == "black":
        return clf.normalise(torch.zeros_like(x))
    if baseline == "mean":
        return x.mean(dim=(2, 3), keepdim=True).expand_as(x).clone()
    return blurred(x)


def blurred(x: Tensor) -> Tensor:
    """``x`` [N, 3, H, W] after a Gaussian filter of 15 x 15 pixels, sigma 2.6; same shape."""
    radius = BLUR_SIZE // 2
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    padded = F.pad(x, (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, weights, groups=x.shape[1])
    return F.conv2d(rows, weights.transpose(2, 3), groups=x.shape[1])
