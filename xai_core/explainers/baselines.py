"""Baselines: the pictures without evidence from which differences are measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from xai_core.errors import MethodError
from xai_core.images import model_input, sample_images
from xai_core.models.classifier import Classifier

Baseline = str | Tensor
BLUR_SIZE = 15  # pixels; S section 7.2.1 blurs with a "gaussian filter of size 15x15"
# S names no standard deviation; this is the one OpenCV takes for a kernel of that size.
BLUR_SIGMA = 0.3 * ((BLUR_SIZE - 1) / 2 - 1) + 0.8
SAMPLE_COUNT = 64  # crops that the baselines "samples" are
LEAST_CROP = 0.5  # of the shorter side of the sample picture


def references(clf: Classifier, x: Tensor, baseline: Baseline | Sequence[Baseline]) -> list[Tensor]:
    """The baselines of every image, in the units of the model's input.

    Args:
        clf: the classifier; its normalisation decides what black is.
        x: network input, [N, 3, H, W].
        baseline: one or several; relevance is the mean over several. Each is "black" (pixel
            value 0; the input 0 if the model has no mean and std), "blurred" (Gaussian of
            15 x 15 pixels and sigma 2.6, edge pixels repeated), "mean" (each image's own mean
            colour), "noise" (pixels uniform in [0, 1], the same for every image; the k-th
            "noise" of a list is drawn with the seed k, from 0), or an input tensor
            [1 | N, 3, H, W].

    Returns:
        One tensor [N, 3, H, W] for each, in the type and on the device of ``x``.

    Raises:
        MethodError: a tensor of another shape, or with values that are not finite.
    """
    found: list[Tensor] = []
    noises = 0
    for one in [baseline] if isinstance(baseline, Baseline) else baseline:
        if isinstance(one, Tensor):
            found.append(expanded(x, one).clone())
        elif one == "black":
            found.append(clf.normalise(torch.zeros_like(x)))
        elif one == "mean":
            found.append(x.mean(dim=(2, 3), keepdim=True).expand_as(x).clone())
        elif one == "noise":
            found.append(_noise(clf, x, noises))
            noises += 1
        else:
            found.append(blurred(x))
    return found


def count(baseline: Baseline | Sequence[Baseline]) -> int:
    """How many baselines are averaged over."""
    return len(baseline) if isinstance(baseline, list | tuple) else 1


def expanded(x: Tensor, baseline: Tensor) -> Tensor:
    """A baseline tensor [1 | N, 3, H, W] as one for each image, in the type of ``x``.

    Raises:
        MethodError: it has another shape, or values that are not finite.
    """
    if baseline.shape not in (x.shape, (1, *x.shape[1:])):
        raise MethodError(
            f"The baseline has the shape {list(baseline.shape)}, but the pictures have "
            f"{list(x.shape)}; give one baseline, or one for each picture."
        )
    if not bool(torch.isfinite(baseline).all()):
        raise MethodError("The baseline has values that are not finite numbers.")
    return baseline.detach().to(x).expand_as(x)


def repeated(
    x: Tensor, baseline: Baseline | Sequence[Baseline], images: Tensor
) -> Baseline | tuple[Baseline, ...]:
    """What copies of some of the ``images`` of ``x`` have as their baselines.

    Args:
        x: network input, [N, 3, H, W].
        baseline: as in ``references``; a name stays a name.
        images: index of the image of each copy, int64 [B].

    Raises:
        MethodError: a tensor of another shape, or with values that are not finite.
    """
    if isinstance(baseline, str):
        return baseline
    if isinstance(baseline, Tensor):
        return expanded(x, baseline)[images]
    return tuple(one if isinstance(one, str) else expanded(x, one)[images] for one in baseline)


def blurred(x: Tensor) -> Tensor:
    """``x`` [N, 3, H, W] after a Gaussian filter of 15 x 15 pixels, sigma 2.6; same shape."""
    radius = BLUR_SIZE // 2
    offsets = torch.arange(-radius, radius + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-(offsets**2) / (2 * BLUR_SIGMA**2))
    weights = (weights / weights.sum()).expand(x.shape[1], 1, 1, -1)
    padded = F.pad(x, (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, weights, groups=x.shape[1])
    return F.conv2d(rows, weights.transpose(2, 3), groups=x.shape[1])


def _noise(clf: Classifier, x: Tensor, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    # Drawn in float64 so that float32 meets the same numbers.
    pixels = torch.rand(x.shape[1:], generator=generator, dtype=torch.float64)
    return clf.normalise(pixels.to(x).expand_as(x))


def reference_pictures(clf: Classifier, x: Tensor, baselines: Baseline) -> Tensor:
    """The distribution of pictures that images are compared to.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W]; its size, type and device are taken.
        baselines: "samples" (``reference_set`` of 64 pictures with the seed 0), or an input
            tensor [B, 3, H, W].

    Returns:
        [B, 3, H, W], the same for every image.

    Raises:
        MethodError: a tensor of another shape, or with values that are not finite.
    """
    if not isinstance(baselines, Tensor):
        height, width = x.shape[2:]
        return reference_set(clf, SAMPLE_COUNT, 0, (height, width)).to(x)
    if baselines.dim() != 4 or len(baselines) == 0 or baselines.shape[1:] != x.shape[1:]:
        raise MethodError(
            f"The baselines have the shape {list(baselines.shape)}; these pictures need "
            f"{['B', *x.shape[1:]]} with B of at least 1.".replace("'", "")
        )
    if not bool(torch.isfinite(baselines).all()):
        raise MethodError("The baselines have values that are not finite numbers.")
    return baselines.detach().to(x)


def reference_count(baselines: Baseline) -> int:
    """How many pictures ``reference_pictures`` gives."""
    return len(baselines) if isinstance(baselines, Tensor) else SAMPLE_COUNT


def reference_set(
    clf: Classifier, count: int, seed: int, size: tuple[int, int] | None = None
) -> Tensor:
    """Pictures of the world at large: square crops of the sample pictures, as the model sees them.

    The sample pictures take turns, and of each a ``random_square`` is cut out. The first
    pictures of a larger set are those of a smaller one.

    Args:
        clf: the classifier whose preprocessing is applied.
        count: pictures.
        seed: of the crops.
        size: (height, width) if not the classifier's.

    Returns:
        Network input [count, 3, H, W], in the type and on the device of the weights.
    """
    pixels = _crops(count, seed, size or clf.input_size, clf.crop, clf.resample)
    # uint8 / 255 in the model's own type: a float32 and a float64 model differ by rounding only.
    return clf.normalise(torch.from_numpy(pixels).to(clf.device, clf.dtype) / 255)


@lru_cache(maxsize=4)
def _crops(
    count: int, seed: int, size: tuple[int, int], crop: float, resample: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Crops as 8-bit pixels [count, 3, H, W]."""
    generator = torch.Generator().manual_seed(seed)
    pictures = [sample.loader() for sample in sample_images()[:count]]
    found = []
    for index in range(count):
        picture = random_square(pictures[index % len(pictures)], generator)
        pixels = model_input(picture, size, crop, resample)
        found.append(np.rint(pixels * 255).astype(np.uint8))
    return np.stack(found)


def random_square(picture: Image.Image, generator: torch.Generator) -> Image.Image:
    """A square of half to all of the shorter side, cut out anywhere; mirrored half of the time."""
    size, left, top, mirror = torch.rand(4, generator=generator, dtype=torch.float64).tolist()
    side = round(min(picture.size) * (LEAST_CROP + (1 - LEAST_CROP) * size))
    x, y = int(left * (picture.width - side + 1)), int(top * (picture.height - side + 1))
    square = picture.crop((x, y, x + side, y + side))
    return ImageOps.mirror(square) if mirror < 0.5 else square
