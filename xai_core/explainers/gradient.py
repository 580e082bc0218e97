"""Methods that read the gradient of the class's logit at the picture.

Notation: f_y is the logit of class y, x the picture, n the samples of SmoothGrad.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xai_core.explainers.params import CHUNK, SAMPLES, SEED, SIGMA, SIGMA_UNITS
from xai_core.explainers.passes import picture_gradient
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier
from xai_core.progress import advance


def logit_gradient(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """df_y/dx of every image, through Captum: x [N, 3, H, W], targets [N] -> [N, 3, H, W]."""
    # Importing Captum takes half a second, which the controls and the pages need not wait for.
    from captum.attr import Saliency

    gradient: Tensor = Saliency(clf.logits).attribute(
        x.detach().requires_grad_(), target=targets, abs=False
    )
    return gradient.detach()


@register(
    title="Saliency",
    family="gradient",
    signed=True,
    citation="Simonyan et al. 2014, arXiv:1312.6034",
    shows="Which pixels would change the score of the class most if they changed a little.",
    formula=r"R = \frac{\partial f_y(x)}{\partial x}",
    warning="Noisy: neighbouring pixels often differ in sign (Smilkov et al. 2017, "
    "arXiv:1706.03825).",
)
def saliency(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Gradient of the logit, signed; S eq. 4.2 takes its absolute value only when it is drawn.

    Source: Simonyan et al. 2014, arXiv:1312.6034.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        Logits per unit of input, [N, 3, H, W].
    """
    return picture_gradient(clf, x, targets)


@register(
    title="Input × Gradient",
    family="gradient",
    signed=True,
    citation="Shrikumar et al. 2016, arXiv:1605.01713",
    shows="How much each pixel adds to the score of the class, if the model were linear "
    "around this picture.",
    formula=r"R = x \odot \frac{\partial f_y(x)}{\partial x}",
    warning="The product repeats the picture's own structure and can look right for a wrong "
    "model (Adebayo et al. 2018, arXiv:1810.03292); input values of zero always get zero.",
)
def input_x_gradient(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Input times gradient (S eq. 4.7).

    Source: Shrikumar et al. 2016, arXiv:1605.01713.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].

    Returns:
        Logits, [N, 3, H, W].
    """
    return x * picture_gradient(clf, x, targets)


@register(
    title="SmoothGrad",
    family="gradient",
    signed=True,
    citation="Smilkov et al. 2017, arXiv:1706.03825",
    shows="The saliency that remains when the picture is disturbed a little in many ways.",
    formula=r"R = \frac{1}{n} \sum_{i=1}^{n} "
    r"\frac{\partial f_y(x + \varepsilon_i)}{\partial x}, \quad "
    r"\varepsilon_i \sim \mathcal{N}(0, \sigma^2)",
    warning="It describes the model around the picture, on noisy pictures it was not trained "
    "on; the result depends on sigma (Smilkov et al. 2017).",
    params=(SAMPLES, SIGMA, SIGMA_UNITS, SEED, CHUNK),
    cost=lambda settings: float(settings["samples"]),
)
def smoothgrad(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    samples: int = 100,
    sigma: float = 0.2,
    sigma_units: str = "std",
    seed: int = 0,
    chunk: int = 16,
) -> Tensor:
    """Mean gradient over noisy copies of each image (S eq. 4.8; defaults of A section 4.3).

    Every image meets the same noise, drawn sample by sample from its own generator, so
    neither its neighbours in the batch, nor ``chunk``, nor the device change its result.

    Source: Smilkov et al. 2017, arXiv:1706.03825.
    Differs from the paper: it measures sigma in units of the image's range, max - min.
    Differs from Captum: ``NoiseTunnel`` draws from the global random state.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        samples: noisy copies per image.
        sigma: standard deviation of the noise.
        sigma_units: "std": sigma is multiplied by each image's standard deviation over its
            channels and pixels (population form); "input": it is in units of the input.
        seed: of the noise.
        chunk: copies that go through the model at once.

    Returns:
        Logits per unit of input, [N, 3, H, W].
    """
    total = torch.zeros_like(x)
    for index, image in enumerate(x):
        scale = sigma * image.std(correction=0) if sigma_units == "std" else sigma
        generator = torch.Generator().manual_seed(seed)
        for start in range(0, samples, chunk):
            size = min(chunk, samples - start)
            noise = torch.stack([_noise(image, generator) for _ in range(size)])
            gradient = logit_gradient(clf, image + scale * noise, targets[index].expand(size))
            total[index] += gradient.sum(0)
            advance(index * samples + start + size, len(x) * samples)
    return total / samples


def _noise(image: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise; drawn in float64 so that float32 meets the same numbers."""
    return torch.randn(image.shape, generator=generator, dtype=torch.float64).to(image)
