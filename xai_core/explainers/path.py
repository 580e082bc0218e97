"""Integrated gradients: the gradient summed along the way from a baseline to the picture."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from xai_core.explainers.baselines import reference
from xai_core.explainers.gradient import logit_gradient
from xai_core.explainers.params import BASELINE, CHUNK, STEPS
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier
from xai_core.progress import advance


@lru_cache(maxsize=8)
def gauss_legendre(steps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights of the Gauss-Legendre rule on [0, 1]; the weights sum to one."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return tuple((nodes + 1) / 2), tuple(weights / 2)


@register(
    title="Integrated gradients",
    family="path",
    signed=True,
    citation="Sundararajan et al. 2017, arXiv:1703.01365",
    shows="How the difference in score between a picture without evidence and this one is "
    "shared out among the pixels.",
    formula=r"R = (x - x_0) \odot \int_0^1 "
    r"\frac{\partial f_y(x_0 + \alpha (x - x_0))}{\partial x}\, d\alpha",
    warning="Depends on the baseline: pixels equal to it, such as black ones on black, always "
    "get zero (Sturmfels et al. 2020, doi:10.23915/distill.00022); often noisy.",
    params=(STEPS, BASELINE, CHUNK),
    cost=lambda settings: float(settings["steps"]),
)
def integrated_gradients(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    steps: int = 200,
    baseline: str | Tensor = "black",
    chunk: int = 16,
) -> Tensor:
    """Integrated gradients by Gauss-Legendre quadrature.

    The gradients of a ReLU network are piecewise constant, so the sum of the relevance meets
    f_y(x) - f_y(x_0) only up to the quadrature's error.

    Source: Sundararajan et al. 2017, arXiv:1703.01365.
    Differs from Captum: it rounds the quadrature's weights to float32.
    Differs from S: its default baseline is the blurred picture, here black.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        steps: nodes of the quadrature.
        baseline: "black", "blurred", "mean" or an input tensor [1 | N, 3, H, W].
        chunk: points that go through the model at once.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a baseline tensor of another shape.
    """
    start_point = reference(clf, x, baseline)
    nodes, weights = (
        torch.tensor(values, dtype=torch.float64).to(x).view(-1, 1, 1, 1)
        for values in gauss_legendre(steps)
    )
    mean_gradient = torch.zeros_like(x)
    for index, (image, origin) in enumerate(zip(x, start_point, strict=True)):
        done = index * steps
        for alphas, shares in zip(
            torch.split(nodes, chunk), torch.split(weights, chunk), strict=True
        ):
            points = origin + alphas * (image - origin)
            gradient = logit_gradient(clf, points, targets[index].expand(len(points)))
            mean_gradient[index] += (shares * gradient).sum(0)
            done += len(points)
            advance(done, len(x) * steps)
    return (x - start_point) * mean_gradient
