"""Regions of a picture: boxes and outlines in its pixels, checked where they come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Literal, TypedDict

from xai_core.errors import DataError

MOST_REGIONS = 100
MOST_POINTS = 2000  # of one outline


class Box(TypedDict):
    """A rectangle. x1 and y1 lie just outside of its last pixel."""

    kind: Literal["box"]
    x0: float
    y0: float
    x1: float
    y1: float


class Outline(TypedDict):
    """A closed line: its last point is joined to the first. Inside is by the even-odd rule."""

    kind: Literal["outline"]
    points: list[list[float]]


Region = Box | Outline


def checked(regions: object, size: tuple[int, int]) -> list[Region]:
    """The regions, as far as they lie within the picture.

    Args:
        regions: a list as ``draw_regions`` returns, from a file or a browser.
        size: width and height of the picture.

    Raises:
        DataError: for what is no such list, and for a region with no area within the picture.
    """
    if not isinstance(regions, Sequence) or isinstance(regions, str | bytes):
        raise DataError("Regions are a list of boxes and outlines.")
    if len(regions) > MOST_REGIONS:
        raise DataError(f"A picture can have {MOST_REGIONS} regions; there are {len(regions)}.")
    return [_region(region, size, f"Region {n}") for n, region in enumerate(regions, 1)]


def _region(region: object, size: tuple[int, int], name: str) -> Region:
    match region:
        case {"kind": "box", "x0": x0, "y0": y0, "x1": x1, "y1": y1}:
            return _box((x0, y0), (x1, y1), size, name)
        case {"kind": "outline", "points": [*points]}:
            return _outline(points, size, name)
    raise DataError(f"{name} is neither a box (x0, y0, x1, y1) nor an outline (points).")


def _box(first: object, last: object, size: tuple[int, int], name: str) -> Box:
    (x0, y0), (x1, y1) = (_within(_point(corner, name), size) for corner in (first, last))
    if x0 >= x1 or y0 >= y1:
        raise DataError(f"{name} has no area within the picture.")
    return {"kind": "box", "x0": x0, "y0": y0, "x1": x1, "y1": y1}


def _outline(points: Sequence[object], size: tuple[int, int], name: str) -> Outline:
    if len(points) > MOST_POINTS:
        raise DataError(f"{name} has {len(points)} points; an outline can have {MOST_POINTS}.")
    inside = [_within(_point(point, name), size) for point in points]
    if len(inside) < 3 or any(min(along) == max(along) for along in zip(*inside, strict=True)):
        raise DataError(f"{name} has no area within the picture.")
    return {"kind": "outline", "points": [[x, y] for x, y in inside]}


def _point(point: object, name: str) -> tuple[float, float]:
    match point:
        case [x, y]:
            return _number(x, name), _number(y, name)
    raise DataError(f"{name} has a point that is no pair of numbers.")


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise DataError(f"{name} has a coordinate that is no finite number.")
    return float(value)


def _within(point: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    return min(max(point[0], 0.0), float(size[0])), min(max(point[1], 0.0), float(size[1]))
