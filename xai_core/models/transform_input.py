"""What a constructor of an architecture sets and the weights do not tell.

Of torchvision's classifiers, whose constructors were read one by one:

- told by the weights' shapes, and so checked when they are read: number of classes, widths and
  depths (each has a name of its own), whether there is a batch normalisation or bias, the
  position embedding of vision transformers and with it the side of their input;
- the same for every network of that name, because torchvision's builder fixes it: epsilon and
  momentum of normalisations (0.001 in MobileNet v3, EfficientNet, GoogLeNet and Inception v3),
  activations, windows and shifts of Swin and MaxVit, group widths;
- without influence in evaluation: dropout, stochastic depth, auxiliary heads, the weights'
  initialisation, and ``memory_efficient`` of DenseNet, which only saves memory;
- told by nobody: ``transform_input`` of GoogLeNet and Inception v3, settled here. Others that a
  call of the builder could set (``replace_stride_with_dilation``, ``zero_init_residual``,
  ``norm_layer``, ``reduced_tail``, ``dilated``) are not the network of that name any more, or
  show in the shapes; give such a network as a module to ``Classifier``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from xai_core.errors import ModelError
from xai_core.images import model_input, sample_images
from xai_core.models.architectures import TRANSFORMING
from xai_core.models.classifier import by_channel, normalised

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

# The transformation divides the variance of what the first convolution gives by about
# (0.5 / 0.229)^2 = 4.8. Less than half of that, in logarithms, is no other rule.
_CLEAR = 0.5 * float(np.log((0.5 / 0.229) ** 2))
_SIDE = 149  # of the pictures by which the statistics are compared, in pixels


def set_transform_input(
    network: nn.Module,
    architecture: str,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    stated: bool | None,
) -> str:
    """Set whether the network converts ImageNet-normalised input itself.

    What is stated counts. Else the first BatchNorm knows the variance of what the first convolution
    gave in training: if only one rule fits it, on sample pictures, that is it. Else it is
    torchvision's recipe for fine-tuning where the normalisation is ImageNet's.

    Args:
        network: with the checkpoint's weights; changed.
        architecture: its name.
        mean: per-channel normalisation of its input, or None, and so ``std``.
        std: the deviations.
        stated: the rule, or None to find out.

    Returns:
        A sentence with the reason; "" if there is nothing to settle.

    Raises:
        ModelError: the rule was stated for a network that has none.
    """
    if architecture not in TRANSFORMING:
        if stated is not None:
            raise ModelError(
                f"{architecture} has no transform_input; only {' and '.join(TRANSFORMING)} have."
            )
        return ""
    if stated is None:
        stated, reason = _found(network, mean, std)
        reason = f"{reason}; say transform_input if that is wrong"
    else:
        reason = "as was said"
    network.transform_input = stated  # type: ignore[assignment]
    rule = "converts its input to [-1, 1] itself" if stated else "takes its input as it is"
    return f"The network {rule} (transform_input={stated}): {reason}."


def _found(
    network: nn.Module, mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[bool, str]:
    fits = {rule: _misfit(network, rule, mean, std) for rule in (True, False)}
    better = min(fits, key=fits.__getitem__)
    if fits[better] < _CLEAR < fits[not better]:
        return better, "the statistics of its first BatchNorm fit that alone"
    imagenet = _is(mean, IMAGENET_MEAN) and _is(std, IMAGENET_STD)
    if imagenet:
        return True, "guessed, because its normalisation is ImageNet's, as in torchvision's recipe"
    return False, "guessed, because its normalisation is not ImageNet's"


def _is(values: Sequence[float] | None, wanted: Sequence[float]) -> bool:
    return values is not None and bool(np.allclose(values, wanted, atol=2e-3))


@torch.no_grad()
def _misfit(
    network: nn.Module, rule: bool, mean: Sequence[float] | None, std: Sequence[float] | None
) -> float:
    """How far the variance at the first BatchNorm is from the trained one, as a logarithm."""
    pixels = [model_input(s.loader(), (_SIDE, _SIDE), 1.0) for s in sample_images()]
    x = torch.from_numpy(np.stack(pixels))
    if mean is not None and std is not None:
        x = normalised(x, mean, std)
    if rule:
        x = x * by_channel([s / 0.5 for s in IMAGENET_STD], x)
        x = x + by_channel([(m - 0.5) / 0.5 for m in IMAGENET_MEAN], x)
    first = next(child for child in network.modules() if isinstance(child, nn.Conv2d))
    norm = next(child for child in network.modules() if isinstance(child, nn.BatchNorm2d))
    trained = norm.running_var
    found = copy.deepcopy(first).float()(x).transpose(0, 1).flatten(1).var(1)
    if trained is None:
        return float("inf")
    return abs(float((found.clamp_min(1e-12) / trained.clamp_min(1e-12)).log().median()))
