"""What localisation measures are given, checked once: maps, masks, boxes, quadrants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.heatmaps import Floats

Given = Tensor | NDArray[Any]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def positive_parts(maps: Given) -> Floats:
    """The positive part of each map, float64 [N, H, W] in reading order.

    Raises:
        MethodError: they are no numbers of this shape, or not finite.
    """
    values = _array(maps, "maps")
    if values.dtype.kind not in "fiu" or values.ndim != 3 or 0 in values.shape[1:]:
        raise MethodError(
            f"The maps must be numbers [N, height, width], not {values.dtype} {list(values.shape)}."
        )
    if not np.isfinite(values).all():
        raise MethodError("The maps have values that are not finite numbers.")
    return np.ascontiguousarray(np.maximum(values.astype(np.float64), 0))


def object_masks(masks: Given, parts: Floats) -> Bools:
    """Where each map's object is, bool [N, H, W] in reading order.

    Raises:
        MethodError: they are not true or false, or not as large as the maps.
    """
    given = _array(masks, "masks")
    if given.dtype.kind != "b" or given.shape != parts.shape:
        raise MethodError(
            f"The masks must be bool {list(parts.shape)}, as large as the maps, "
            f"not {given.dtype} {list(given.shape)}."
        )
    return np.ascontiguousarray(given)


def object_boxes(boxes: Given, parts: Floats) -> Ints:
    """The box of each map's object, int64 [N, 4]; one without an area is allowed.

    Raises:
        MethodError: they are no whole numbers of this shape, or a box lies outside its map.
    """
    found = _whole_numbers(boxes, "boxes", (len(parts), 4))
    height, width = parts.shape[1:]
    x0, y0, x1, y1 = found.T
    inside = (x0 >= 0) & (x0 <= x1) & (x1 <= width) & (y0 >= 0) & (y0 <= y1) & (y1 <= height)
    for place in np.flatnonzero(~inside)[:1]:
        raise MethodError(
            f"Box {place}, {found[place].tolist()}, must be x0, y0, x1, y1 within the map's "
            f"{width} x {height} pixels, the last two just outside of the object."
        )
    return found


def quadrant_numbers(quadrants: Given, parts: Floats) -> Ints:
    """The quadrant of each map's object, int64 [N].

    Raises:
        MethodError: they are no whole numbers from 0 to 3, one for each map.
    """
    found = _whole_numbers(quadrants, "quadrants", (len(parts),))
    if not np.isin(found, range(4)).all():
        raise MethodError("The quadrants must be numbers from 0 to 3.")
    return found


def mask_scores(score: Callable[[Floats, Bools], float], maps: Given, masks: Given) -> Floats:
    """The score of every map with its mask, each pair by itself, float64 [N].

    NaN where the map has no positive value, or the mask is empty.
    """
    parts = positive_parts(maps)
    pairs = zip(parts, object_masks(masks, parts), strict=True)
    found = [score(part, mask) if part.any() and mask.any() else np.nan for part, mask in pairs]
    return np.array(found, dtype=np.float64)


def _whole_numbers(given: Given, name: str, shape: tuple[int, ...]) -> Ints:
    found = _array(given, name)
    if found.dtype.kind not in "iu" or found.shape != shape:
        raise MethodError(
            f"The {name} must be whole numbers {list(shape)}, "
            f"not {found.dtype} {list(found.shape)}."
        )
    return found.astype(np.int64)


def _array(given: Any, name: str) -> NDArray[Any]:
    if isinstance(given, Tensor):
        plain = given.detach().cpu()
        return np.asarray(plain.double() if plain.is_floating_point() else plain)
    if not isinstance(given, np.ndarray):
        raise MethodError(f"The {name} must be an array or a tensor, not {type(given).__name__}.")
    return given
