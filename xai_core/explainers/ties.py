"""Ties: which of several equal values a step follows that picks the largest.

**The rule.** Values within a tolerance of the largest one are equal to it, and the first of them
in row-major order wins.

Behind a constant baseline, a letterbox or a ReLU, values are equal, but rounding moves them
apart: by another amount for every processor, memory layout, number of threads and batch. If the
largest of them won, rounding would choose the place, and the map with it. So it may not count.
To take the first place is what the direct computation does with values that are equal in every
bit, is quick, and needs no knowledge of the network.

**The tolerance** of an image is a share of the largest absolute value of all that the step takes
of this image, so that no other image matters: eps ** 0.75, which is 1.8e-12 in float64 and
6.4e-6 in float32. It was compared with what the max-poolings of the embedded VGG, VGG-16,
ResNet-18, DenseNet-121 and GoogLeNet (random weights but for the first) meet, where the input is
constant or constant in its upper third: contiguous and channels-last, alone and in a batch, on
processors with AVX2 and AVX-512. As shares of the largest value,

- what should be equal in a window differed by up to 2e-16 in float64 and 3e-8 in float32;
- any value differed from layout to layout by up to 8e-15, and in float32 from the exact one by
  up to 3e-6;
- of 1.5 million windows in float64, none held a value that differed by more than rounding and
  less than the tolerance; in float32, up to 1 in 1000 of the VGGs and 7 in 1000 of GoogLeNet did.

So the tolerance is well above what rounding does, and the gradient is that of a network whose
values differ by less than the tolerance. Max-pooling along one or three dimensions, ``topk`` and
``sort`` are left to PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor

_SHARE = 0.75  # exponent of the type's precision


def tolerance(a: Tensor) -> Tensor:
    """Up to which difference two values of an image are equal: [N, ...] -> [N, 1, ...].

    Infinite values, with which networks pad or mask what shall never win, do not count.
    """
    size = _largest(a)
    if not bool(size.isfinite().all()):
        size = _largest(a.masked_fill(a.isinf(), 0))
    share: float = torch.finfo(a.dtype).eps ** _SHARE
    return size * share


def _largest(a: Tensor) -> Tensor:
    """The largest absolute value of each image, [N, 1, ...]."""
    inner = tuple(range(1, a.dim()))
    return torch.maximum(a.amax(inner, keepdim=True), -a.amin(inner, keepdim=True))


def first_largest(values: Tensor, dim: int, tolerances: Tensor | None = None) -> Tensor:
    """Place of the winner along a dimension, by the rule.

    To find the peak of every map [N, H, W], as the pointing game asks for it:
    ``first_largest(maps.flatten(1), 1)``.

    Args:
        values: [N, ...].
        dim: along which they compete; not the images.
        tolerances: of the images, [N, 1, ...]; by default those of ``values``.

    Returns:
        int64, in the shape of ``values`` without ``dim``.
    """
    if tolerances is None:
        tolerances = tolerance(values)
    return _first(values >= values.amax(dim, keepdim=True) - tolerances, dim)


def _first(mask: Tensor, dim: int) -> Tensor:
    # PyTorch promises the first place of the largest value, of integers in every layout.
    return mask.byte().argmax(dim)
