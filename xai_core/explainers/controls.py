"""Controls: maps that know nothing of the model; whatever cannot be told from them fails."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.explainers.registry import register
from xai_core.explainers.settings import SEED
from xai_core.models.classifier import Classifier

LUMINANCE = (0.2125, 0.7154, 0.0721)  # of R, G, B: ITU-R BT.709 as scikit-image rounds it


@register(
    title="Edges (control)",
    family="control",
    signed=False,
    channels=1,
    citation="Sobel & Feldman 1968; as a control: Adebayo et al. 2018, arXiv:1810.03292",
    shows="The edges of the picture, whatever the model and the class.",
    formula=r"R = \sqrt{\tfrac{1}{2}\big((S * Y)^2 + (S^\top * Y)^2\big)}, \quad "
    r"S = \tfrac{1}{4} \begin{pmatrix} 1&0&-1\\2&0&-2\\1&0&-1 \end{pmatrix}",
    warning="Not an explanation: it does not look at the model.",
    cost=lambda settings: 0.0,
)
def edges(clf: Classifier, x: Tensor, targets: Tensor) -> Tensor:
    """Sobel magnitude of the grey picture, in pixel space and thus without the normalisation.

    Scaled as ``skimage.filters.sobel``, edge pixels repeated at the border.

    Args:
        clf: the classifier; only its mean and std are used.
        x: network input, [N, 3, H, W].
        targets: not used.

    Returns:
        Pixel values, not negative, [N, 1, H, W].
    """
    pixels = clf.pixels(x)
    grey = (pixels * pixels.new_tensor(LUMINANCE).view(1, 3, 1, 1)).sum(dim=1, keepdim=True)
    sobel = x.new_tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]]) / 4
    kernels = torch.stack([sobel, sobel.T]).unsqueeze(1)
    slopes = F.conv2d(F.pad(grey, (1, 1, 1, 1), mode="replicate"), kernels)
    return slopes.square().mean(dim=1, keepdim=True).sqrt()


@register(
    id="random",
    title="Random (control)",
    family="control",
    signed=False,
    citation="Adebayo et al. 2018, arXiv:1810.03292",
    shows="Pure chance.",
    formula=r"R \sim \mathcal{U}[0, 1)",
    warning="Not an explanation: it looks neither at the model nor at the picture.",
    params=(SEED,),
    cost=lambda settings: 0.0,
)
def random_relevance(clf: Classifier, x: Tensor, targets: Tensor, *, seed: int = 0) -> Tensor:
    """Uniform noise, the same for every image of the batch.

    Args:
        clf: not used.
        x: network input, [N, 3, H, W]; only its shape counts.
        targets: not used.
        seed: of the noise.

    Returns:
        Values in [0, 1), [N, 3, H, W].
    """
    generator = torch.Generator().manual_seed(seed)
    # Drawn in float32 whatever the input is: a float64 just below 1 could be rounded up to 1.
    noise = torch.rand(x.shape[1:], generator=generator, dtype=torch.float32).to(x)
    return noise.expand_as(x).clone()
