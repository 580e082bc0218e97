"""From raw relevance to heatmaps, always image by image.

Two families. ``relevance_map`` gives the maps in [0, 1] that the APEM thesis (A, sections
4.2 and 4.4) measures; ``signed_map`` gives the maps that are drawn and compared (sanity
checks thesis S, section 7.2.2). Both accept torch tensors and NumPy arrays and return the
same kind, in the same floating-point type. A map that is zero everywhere stays zero.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from xai_core.errors import MethodError

STAGES = ("channels", "map", "map*image")
SHOWS = ("all", "positive", "absolute")
CLAMP_PERCENTILE = 99.0

Array = TypeVar("Array", Tensor, NDArray[Any])
Floats = NDArray[np.float64]


def relevance_map(R: Array, stage: str = "channels", images: Array | None = None) -> Array:  # noqa: N803
    """Unsigned heatmap in [0, 1], at one of the three stages of A section 4.4.

    Each stage starts from |R| clamped at its own 99th percentile, as A section 4.2 does:
    "channels" is that, "map" its sum over channels, and "map*image" that one channel times each
    of the three of the picture: "first, the relevance values are summed in the channels dimension
    so it becomes a relevance map and, then, multiplied by the image", which gives an image again.
    Each is then divided by its maximum. (A section 4.2 multiplies before it sums.)

    Differs from the thesis: where fewer than one value in a hundred is not zero, the 99th
    percentile is zero and the clamp would erase the map; such a map is not clamped.

    Args:
        R: relevance [N, C, H, W].
        stage: "channels", "map" or "map*image".
        images: pixels in [0, 1], [N, 3, H, W], for "map*image" alone.

    Returns:
        [N, C, H, W] for "channels", [N, 1, H, W] for "map", [N, 3, H, W] for "map*image".

    Raises:
        MethodError: R is not finite or of another shape, the stage is unknown, or the pixels
            are missing or of another size.
    """
    check_stage(stage)
    clamped = _clamped(np.abs(_unit(_relevance(R))), CLAMP_PERCENTILE)
    if stage != "channels":
        clamped = clamped.sum(1, keepdims=True)
    if stage == "map*image":
        clamped = clamped * _pixels(images, clamped.shape)
    return _like(_unit(clamped), R)


def check_stage(stage: str) -> None:
    """Refuse a stage that is none of ``STAGES``.

    Raises:
        MethodError: the stage is unknown.
    """
    if stage not in STAGES:
        raise MethodError(f"There is no stage '{stage}'; there are: {', '.join(STAGES)}.")


def signed_map(R: Array, show: str = "all", clip: float | None = None) -> Array:  # noqa: N803
    """Heatmap to draw or to compare: one channel, scaled (S section 7.2.2).

    Args:
        R: relevance [N, C, H, W].
        show: "all" divides the sum over channels by its absolute maximum, into [-1, 1];
            "positive" keeps of that sum what is above zero, and "absolute" is the sum of the
            channels' absolute values (S section 4.3.1), in which a red value does not cancel
            a blue one; both into [0, 1].
        clip: percentile of the map's absolute values from which the colour saturates, above
            0 and up to 100. None clips nothing, and neither does a percentile that is zero.

    Returns:
        [N, H, W].

    Raises:
        MethodError: R is not finite or of another shape, or a setting is unknown.
    """
    if show not in SHOWS:
        raise MethodError(f"A map cannot show '{show}'; it can show: {', '.join(SHOWS)}.")
    if clip is not None and not 0 < clip <= 100:
        raise MethodError(f"The clipping percentile must lie above 0 and up to 100, not {clip:g}.")
    maps = one_channel(_unit(_relevance(R)), show)
    if clip is not None:
        maps = _clamped(maps, clip)
    return _like(_unit(maps), R)


def one_channel(R: Floats, show: str) -> Floats:  # noqa: N803
    """What ``signed_map`` shows of relevance [N, C, H, W], before it is scaled: [N, H, W]."""
    if show == "absolute":
        absolute: Floats = np.abs(R).sum(1)
        return absolute
    summed: Floats = R.sum(1)
    return np.maximum(summed, 0) if show == "positive" else summed


def cancelling(relevance: Array) -> float:
    """How far positive and negative relevance cancel: sum of the sizes over size of the sum.

    1 where nothing cancels, and 0 for an empty map. A method that shares the score out gives a map
    that adds up to it; far above 1, no part of such a map is a share of the score.

    Args:
        relevance: one picture's, of any shape.
    """
    values = as_floats(relevance).astype(np.float64)  # sizes of 1e28 have no squares, but sums
    sizes, total = np.abs(values).sum(), abs(values.sum())
    return float(sizes / total) if total else float(np.inf if sizes else 0)


def is_empty(maps: Array) -> Array:
    """Which maps are zero everywhere: [N, ...] -> bool [N]."""
    if isinstance(maps, Tensor):
        return (maps == 0).flatten(1).all(1)
    empty: NDArray[np.bool_] = np.all(maps.reshape(len(maps), -1) == 0, axis=1)
    return empty


def upsample(maps: Array, size: tuple[int, int], mode: str = "bilinear") -> Array:
    """Maps [N, H, W] or [N, C, H, W] at a resolution, such as a CAM's at the input's.

    Those that have it already are returned as they are.

    Args:
        maps: the maps.
        size: (height, width) in pixels.
        mode: "bilinear" (pixel centres, as OpenCV and torch's ``align_corners=False``) or
            "nearest".

    Raises:
        MethodError: the mode is unknown.
    """
    if mode not in ("bilinear", "nearest"):
        raise MethodError(f"Maps are enlarged 'bilinear' or 'nearest', not '{mode}'.")
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    tensor = torch.as_tensor(maps)
    batch = tensor if tensor.dim() == 4 else tensor[:, None]
    large = F.interpolate(
        batch, size=size, mode=mode, align_corners=False if mode == "bilinear" else None
    )
    large = large if tensor.dim() == 4 else large[:, 0]
    return large if isinstance(maps, Tensor) else large.numpy()


def _relevance(array: Tensor | NDArray[Any]) -> Floats:
    values = as_floats(array)
    if values.ndim != 4:
        raise MethodError(f"Relevance must have the shape [N, C, H, W], not {list(values.shape)}.")
    if not np.isfinite(values).all():
        raise MethodError("The relevance holds values that are not finite numbers.")
    return values


def as_floats(array: Tensor | NDArray[Any]) -> Floats:
    """Any array as NumPy float64, off the graph and the device."""
    # NumPy has no bfloat16, and some devices no float64.
    plain = (
        array.detach().cpu().double().numpy() if isinstance(array, Tensor) else np.asarray(array)
    )
    return plain.astype(np.float64)


def _pixels(images: Tensor | NDArray[Any] | None, shape: tuple[int, ...]) -> Floats:
    if images is None:
        raise MethodError("The stage 'map*image' needs the pixels: pass them as 'images'.")
    pixels = as_floats(images)
    if pixels.ndim != 4 or (len(pixels), *pixels.shape[2:]) != (shape[0], *shape[2:]):
        raise MethodError(
            f"The pixels, {list(pixels.shape)}, do not fit the relevance, {list(shape)}; "
            "bring a coarse map to the input's resolution with 'upsample' first."
        )
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
        raise MethodError("The stage 'map*image' needs un-normalised pixels, from 0 to 1.")
    return pixels


def _unit(maps: Floats) -> Floats:
    """Each image divided by its absolute maximum; all zeros stay zeros.

    Doing this first as well as last keeps sums of huge or tiny values from overflowing.
    """
    top = np.abs(maps).max(axis=tuple(range(1, maps.ndim)), keepdims=True)
    scaled: Floats = maps / np.where(top > 0, top, 1)
    return scaled


def _clamped(maps: Floats, percentile: float) -> Floats:
    """Each image limited to plus or minus the percentile of its absolute values, if above 0."""
    axes = tuple(range(1, maps.ndim))
    limit = np.percentile(np.abs(maps), percentile, axis=axes, keepdims=True)
    limit = np.where(limit > 0, limit, np.inf)
    clamped: Floats = np.clip(maps, -limit, limit)
    return clamped


def _like(values: Floats, template: Array) -> Array:
    """``values`` as the kind, floating-point type and device of ``template``."""
    if isinstance(template, Tensor):
        kind = template.dtype if template.is_floating_point() else torch.float64
        return torch.from_numpy(values).to(dtype=kind, device=template.device)
    given = np.asarray(template).dtype
    return values.astype(given if given.kind == "f" else np.float64)
