"""What is marked on a picture: boxes, outlines and masks of objects, in the picture's pixels.

Coordinates count from the picture's upper left corner, x to the right and y down; the pixel in that
corner reaches from 0 to 1, and its centre is at 0.5.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from xai_core.annotations import outlines
from xai_core.errors import DataError

Point = tuple[float, float]
Size = tuple[int, int]

MOST_MASK_PIXELS = 250_000_000  # of all masks of a picture together


@dataclass(frozen=True)
class Box:
    """A rectangle; ``x1`` and ``y1`` lie just outside, so that its width is ``x1 - x0``."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def area(self) -> float:
        """In square pixels."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    def within(self, other: Box) -> Box | None:
        """The part of it that lies in another box; None if there is none."""
        x0, y0 = max(self.x0, other.x0), max(self.y0, other.y0)
        x1, y1 = min(self.x1, other.x1), min(self.y1, other.y1)
        return Box(x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None


@dataclass(frozen=True)
class Outlines:
    """Closed polygons around the parts of one object, each a tuple of (x, y)."""

    parts: tuple[tuple[Point, ...], ...]

    @property
    def area(self) -> float:
        """In square pixels; where parts overlap, each counts."""
        return sum(map(outlines.area, self.parts))

    def within(self, box: Box) -> Outlines | None:
        """The part of it that lies in a box; None if there is none."""
        corners = (box.x0, box.y0, box.x1, box.y1)
        cut = [outlines.clipped(part, corners) for part in self.parts]
        kept = tuple(part for part in cut if outlines.area(part) > 0)
        return Outlines(kept) if kept else None


@dataclass(frozen=True, eq=False)
class Mask:
    """The pixels of an object.

    Attributes:
        pixels: bool [H, W] over the whole picture.
    """

    pixels: NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """One object.

    Attributes:
        name: of its class, as the file has it; None where the file names none.
        shape: where it is.
        notes: what the file says of it besides, such as "difficult" or "crowd".
    """

    name: str | None
    shape: Box | Outlines | Mask
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Annotation:
    """What a file says of a picture.

    Attributes:
        size: (width, height) of the picture as the file tells it; None where it does not.
        regions: in the file's order.
        clipped: how many of them reached beyond the picture and were cut at its edge.
    """

    size: Size | None
    regions: tuple[Region, ...]
    clipped: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its classes, each once, in order."""
        return tuple(dict.fromkeys(region.name for region in self.regions if region.name))


def checked_size(width: object, height: object, shown: str) -> Size:
    """A picture's size as a file tells it.

    Args:
        width: in pixels.
        height: in pixels.
        shown: what the sentence calls the file.

    Raises:
        DataError: not two whole positive numbers.
    """
    w, h = number(width, shown), number(height, shown)
    if w < 1 or h < 1 or w != int(w) or h != int(h):
        raise DataError(f"{shown} tells a picture's size of {w:g} × {h:g} pixels, which is none.")
    return int(w), int(h)


def checked_box(corners: Iterable[object], shown: str) -> Box:
    """A box from x0, y0, x1 and y1.

    Args:
        corners: numbers, or words for them.
        shown: what the sentence calls the file.

    Raises:
        DataError: no numbers, or a box that ends where it begins or before.
    """
    x0, y0, x1, y1 = (number(value, shown) for value in corners)
    if x1 <= x0 or y1 <= y0:
        raise DataError(
            f"{shown} has a box that ends before it begins: from {x0:g}, {y0:g} to {x1:g}, {y1:g}."
        )
    return Box(x0, y0, x1, y1)


def checked_outlines(parts: Iterable[Sequence[object]], shown: str) -> Outlines:
    """Outlines from lists of x, y, x, y and so on; those that enclose nothing are left out.

    Args:
        parts: numbers.
        shown: what the sentence calls the file.

    Raises:
        DataError: no numbers, an x without y, or nothing is enclosed.
    """
    kept = []
    for part in parts:
        values = [number(value, shown) for value in part]
        if len(values) % 2:
            raise DataError(f"{shown} has an outline whose last point lacks a coordinate.")
        points = tuple(zip(values[::2], values[1::2], strict=True))
        if outlines.area(points) > 0:
            kept.append(points)
    if not kept:
        raise DataError(f"{shown} has an outline that encloses nothing.")
    return Outlines(tuple(kept))


def checked_masks(count: int, size: Size, shown: str) -> None:
    """Refuse masks that would take too much memory, before they are made.

    Raises:
        DataError: they would.
    """
    if count * size[0] * size[1] > MOST_MASK_PIXELS:
        raise DataError(
            f"{shown} has {count} masks of {size[0]} × {size[1]} pixels; at most "
            f"{MOST_MASK_PIXELS // 10**6} million pixels are allowed for one picture."
        )


def number(value: object, shown: str) -> float:
    """A finite number.

    Args:
        value: a number, or a word for one.
        shown: what the sentence calls the file.

    Raises:
        DataError: it is none.
    """
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            found = float(value)
            if math.isfinite(found):
                return found
    except (ValueError, OverflowError):
        pass
    raise DataError(f"{shown} has '{str(value)[:20]}' where a number should be.")


def clipped(annotation: Annotation, size: Size, shown: str) -> Annotation:
    """The same with nothing beyond the picture's edges.

    Args:
        annotation: of the picture.
        size: (width, height) of the picture.
        shown: what the sentence calls the annotation's file.

    Raises:
        DataError: a region lies wholly outside of the picture.
    """
    picture = Box(0, 0, *size)
    regions, cut = [], 0
    for region in annotation.regions:
        if isinstance(region.shape, Mask):
            regions.append(region)
            continue
        inside = region.shape.within(picture)
        if inside is None:
            raise DataError(
                f"{shown} marks something outside of its picture of {size[0]} × {size[1]} pixels."
            )
        beyond = _beyond(region.shape, size)
        regions.append(replace(region, shape=inside) if beyond else region)
        cut += beyond
    return replace(annotation, regions=tuple(regions), clipped=annotation.clipped + cut)


def _beyond(shape: Box | Outlines, size: Size) -> bool:
    """Whether any of it lies beyond the edges."""
    if isinstance(shape, Box):
        points: list[Point] = [(shape.x0, shape.y0), (shape.x1, shape.y1)]
    else:
        points = [point for part in shape.parts for point in part]
    return any(not (0 <= x <= size[0] and 0 <= y <= size[1]) for x, y in points)
