"""Random changes to a training batch, all pictures at once."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def augment(
    x: Tensor, generator: torch.Generator, *, min_area: float = 0.35, colour: float = 0.3
) -> Tensor:
    """Random resized crops, mirror images, and changes of brightness, contrast, saturation.

    Args:
        x: pictures in [0, 1], [N, 3, H, W].
        generator: the source of randomness.
        min_area: smallest share of the picture that a crop keeps; the largest is 1.
        colour: largest relative change of brightness, contrast and saturation.

    Returns:
        [N, 3, H, W].
    """
    return _colour(_crop(x, generator, min_area), generator, colour)


def _uniform(count: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=generator)


def _crop(x: Tensor, generator: torch.Generator, min_area: float) -> Tensor:
    """Crops of random area, aspect ratio (3/4 to 4/3) and place, half of them mirrored."""
    n = len(x)
    side = _uniform(n, min_area, 1, generator).sqrt()
    aspect = _uniform(n, math.log(3 / 4), math.log(4 / 3), generator).exp().sqrt()
    width, height = (side * aspect).clamp(max=1), (side / aspect).clamp(max=1)
    mirror = torch.where(_uniform(n, 0, 1, generator) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = width * mirror
    theta[:, 1, 1] = height
    theta[:, 0, 2] = (1 - width) * _uniform(n, -1, 1, generator)
    theta[:, 1, 2] = (1 - height) * _uniform(n, -1, 1, generator)
    grid = F.affine_grid(theta.to(x), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _colour(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    def factor() -> Tensor:
        return _uniform(len(x), 1 - strength, 1 + strength, generator).view(-1, 1, 1, 1).to(x)

    mean = x.mean((1, 2, 3), keepdim=True)
    x = mean * factor() + (x - mean) * factor()
    grey = x.mean(1, keepdim=True)
    return (grey + (x - grey) * factor()).clamp(0, 1)
