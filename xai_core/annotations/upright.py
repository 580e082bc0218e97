"""Annotations brought to the picture as it is read: turned upright, and large ones made smaller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from xai_core.annotations.regions import (
    Annotation,
    Box,
    Mask,
    Outlines,
    Point,
    Region,
    Size,
    clipped,
)
from xai_core.decoding import SIDEWAYS, Stored
from xai_core.errors import DataError
from xai_core.images import shown_name


def of_picture(annotation: Annotation, file: Stored, size: Size, name: str) -> Annotation:
    """An annotation in the pixels of its picture as it was read.

    The size that the annotation tells must be the picture's. Where the picture was turned upright,
    it says whether the annotation is of the picture before or after that; where both have one
    size, or none is told, it cannot be known.

    Args:
        annotation: as its file has it.
        file: how the picture lies in its file (``decoding.stored``).
        size: (width, height) of the picture as it was read.
        name: what errors call the picture.

    Raises:
        DataError: it is of another size, cannot be known, or marks something outside.
    """
    shown = f"The annotation of '{shown_name(name)}'"
    upright = file.size[::-1] if file.orientation in SIDEWAYS else file.size
    told = annotation.size
    if file.orientation != 1 and (told is None or upright == file.size):
        raise DataError(
            f"{shown} may be of the picture before or after it was turned upright; save the "
            "picture upright."
        )
    if told is not None and told not in (upright, file.size):
        raise DataError(
            f"{shown} is of {told[0]} × {told[1]} pixels, but the picture has "
            f"{upright[0]} × {upright[1]}."
        )
    regions = annotation.regions
    if told is not None and told != upright:
        regions = tuple(_turned(region, file) for region in regions)
    across, down = size[0] / upright[0], size[1] / upright[1]
    if (across, down) != (1, 1):
        regions = tuple(_moved(region, lambda x, y: (x * across, y * down)) for region in regions)
    return clipped(replace(annotation, size=size, regions=regions), size, shown)


def _turned(region: Region, file: Stored) -> Region:
    """A region of a picture that lies on its side, turned as the picture is."""
    if isinstance(region.shape, Mask):
        pixels = region.shape.pixels.T
        if file.orientation in (6, 7):
            pixels = np.fliplr(pixels)
        if file.orientation in (7, 8):
            pixels = np.flipud(pixels)
        return replace(region, shape=Mask(np.ascontiguousarray(pixels)))
    width, height = file.size

    def turned(x: float, y: float) -> Point:
        return (
            height - y if file.orientation in (6, 7) else y,
            width - x if file.orientation in (7, 8) else x,
        )

    return _moved(region, turned)


def _moved(region: Region, to: Callable[[float, float], Point]) -> Region:
    """A region whose points are elsewhere; masks cover the whole picture and stay as they are."""
    shape = region.shape
    if isinstance(shape, Box):
        (xa, ya), (xb, yb) = to(shape.x0, shape.y0), to(shape.x1, shape.y1)
        moved = Box(min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb))
        return replace(region, shape=moved)
    if isinstance(shape, Outlines):
        parts = tuple(tuple(to(*point) for point in part) for part in shape.parts)
        return replace(region, shape=Outlines(parts))
    return region
