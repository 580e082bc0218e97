"""Path methods: the gradient averaged along the way from baselines to the picture."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from xai_core.explainers.baselines import (
    Baseline,
    blurred,
    count,
    reference_pictures,
    references,
)
from xai_core.explainers.batches import Batch, batch_size, batches, gradient_bytes, weight_bytes
from xai_core.explainers.passes import logit_gradient
from xai_core.explainers.registry import register
from xai_core.explainers.settings import BASELINE, CHUNK, DRAWS, OWN_BASELINES, SEED, STEPS
from xai_core.models.classifier import Classifier


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
    cost=lambda settings: float(settings["steps"] * count(settings["baseline"])),
)
def integrated_gradients(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    steps: int = 200,
    baseline: Baseline | Sequence[Baseline] = "black",
    chunk: int = 0,
) -> Tensor:
    """Integrated gradients by Gauss-Legendre quadrature.

    The gradients of a ReLU network are piecewise constant, so the sum of the relevance meets
    f_y(x) - f_y(x_0) only up to the quadrature's error. Of several baselines, the mean of what
    each of them gives, as S advises.

    Source: Sundararajan et al. 2017, arXiv:1703.01365.
    Differs from Captum: it rounds the quadrature's weights to float32.
    Differs from S: its default baseline is the blurred picture, here black.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        steps: nodes of the quadrature, for each baseline.
        baseline: one or several: "black", "blurred", "mean", "noise" or an input tensor
            [1 | N, 3, H, W]; see ``references``.
        chunk: points that go through the model at once; 0 for what memory allows.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a baseline tensor of another shape.
    """
    origins = torch.stack(references(clf, x, baseline))
    nodes, weights = (torch.tensor(values, dtype=torch.float64) for values in gauss_legendre(steps))
    each = torch.arange(len(origins)).repeat_interleave(steps)
    shares = weights.repeat(len(origins)) / len(origins)
    return _along(clf, x, targets, origins, each, nodes.repeat(len(origins)), shares, chunk)


@register(
    title="Expected gradients",
    family="path",
    signed=True,
    citation="Erion et al. 2021, arXiv:1906.10670; as GradientSHAP: Lundberg & Lee 2017, "
    "arXiv:1705.07874",
    shows="How the difference in score between other pictures, on average, and this one is "
    "shared out among the pixels.",
    formula=r"R = \mathbb{E}_{x' \sim D,\; \alpha \sim \mathcal{U}(0, 1)} "
    r"\Big[ (x - x') \odot \frac{\partial f_y(x' + \alpha (x - x'))}{\partial x} \Big]",
    warning="An estimate from random draws: it depends on the pictures compared to, and with few "
    "samples on the seed; the sum meets the difference in score only on average.",
    params=(OWN_BASELINES, DRAWS, SEED, CHUNK),
    cost=lambda settings: float(settings["samples"]),
)
def expected_gradients(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    baselines: Baseline = "samples",
    samples: int = 200,
    seed: int = 0,
    chunk: int = 0,
) -> Tensor:
    """Expected gradients (S eq. 4.34): random baselines, and random points on the way from them.

    Every image meets the same baselines and points, in float64 from its own generator. The
    relevance sums to f_y(x) - mean f_y(x') in expectation. The default number of samples makes
    as many passes as the default of integrated gradients.

    Source: Erion et al. 2021, arXiv:1906.10670.
    Differs from the paper: the pictures compared to are crops of the sample pictures, unless
    given, because the product does not have the model's training pictures.
    Differs from Captum: ``GradientShap`` draws from NumPy's global random state, other points
    for every image, and can also add noise to the picture.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        baselines: "samples" or an input tensor [B, 3, H, W], see ``reference_pictures``; or
            "blurred_and_original": each image's blurred copy and the image itself, as S section
            7.2.2 has them. The difference from itself is zero, so the relevance is then that
            from the blurred copy, by those draws that it falls to, about half of them.
        samples: pairs of a baseline and a point, drawn with replacement.
        seed: of the draws.
        chunk: points that go through the model at once; 0 for what memory allows.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a baseline tensor of another shape.
    """
    if isinstance(baselines, str) and baselines == "blurred_and_original":
        origins = torch.stack([blurred(x), x.detach()])
    else:
        origins = reference_pictures(clf, x, baselines)[:, None]
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand((samples, 2), generator=generator, dtype=torch.float64)
    which = (draws[:, 0] * len(origins)).long()
    shares = torch.full((samples,), 1 / samples, dtype=torch.float64)
    return _along(clf, x, targets, origins, which, draws[:, 1], shares, chunk)


def _along(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    origins: Tensor,
    which: Tensor,
    alphas: Tensor,
    shares: Tensor,
    chunk: int,
) -> Tensor:
    """Sum over draws of share * (x - origin) * gradient at origin + alpha (x - origin).

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        origins: [B, N | 1, 3, H, W].
        which: origin of each draw, int64 [D].
        alphas: where on the way each draw is, float64 [D].
        shares: weight of each draw, float64 [D].
        chunk: points that go through the model at once; 0 for what memory allows.
    """
    alphas, shares = (values.to(x).view(-1, 1, 1, 1) for values in (alphas, shares))
    which = which.to(x.device)
    relevance = torch.zeros_like(x)
    gradient = logit_gradient(clf)
    size = chunk or batch_size(x, gradient_bytes(clf, x, targets), weight_bytes(clf))

    def parts(batch: Batch) -> Tensor:
        origin = origins[which[batch.draws], batch.images if origins.shape[1] > 1 else 0]
        change = x[batch.images] - origin
        points = origin + alphas[batch.draws] * change
        return shares[batch.draws] * change * gradient(points, targets[batch.images])

    for batch, part in batches(x, len(alphas), size, parts):
        batch.add(relevance, part)
    return relevance
