"""Geometry of a closed polygon, given as its corners (x, y); the last is joined to the first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]


def area(points: Sequence[Point]) -> float:
    """Area that a polygon encloses, by the shoelace formula; its sides must not cross."""
    return abs(
        sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(points, _next(points), strict=True)) / 2
    )


def clipped(
    points: Sequence[Point], corners: tuple[float, float, float, float]
) -> tuple[Point, ...]:
    """The part of a polygon that lies in a box (Sutherland and Hodgman 1974).

    A polygon of which several pieces lie in the box stays one, whose pieces are joined along the
    box's edges; that adds no area.

    Args:
        points: the polygon.
        corners: x0, y0, x1 and y1 of the box.
    """
    kept = tuple(points)
    for axis in (0, 1):
        kept = _half(kept, axis, corners[axis], 1)
        kept = _half(kept, axis, corners[axis + 2], -1)
    return kept


def inside(
    points: Sequence[Point], xs: NDArray[np.float64], ys: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which points of a grid lie in a polygon, by the even-odd rule.

    A point lies inside if the way from it to the left meets the sides an odd number of times.

    Args:
        points: the polygon.
        xs: of the grid's columns [W], ascending.
        ys: of its rows [H].

    Returns:
        bool [H, W].
    """
    starts = np.array(points, float).reshape(-1, 2)
    ends = np.roll(starts, -1, axis=0)
    found = np.zeros((len(ys), len(xs)), bool)
    for row, y in enumerate(ys):
        # A corner belongs to the side below it alone, so that no side is counted twice.
        (meets,) = np.nonzero((starts[:, 1] <= y) != (ends[:, 1] <= y))
        (x0, y0), (x1, y1) = starts[meets].T, ends[meets].T
        crossings = np.sort(x0 + (y - y0) / (y1 - y0) * (x1 - x0))
        found[row] = np.searchsorted(crossings, xs, side="right") % 2 == 1
    return found


def _half(points: tuple[Point, ...], axis: int, limit: float, sign: int) -> tuple[Point, ...]:
    """The part of a polygon on one side of a straight line across an axis.

    Args:
        points: the polygon.
        axis: 0 for x, 1 for y.
        limit: where the line is.
        sign: 1 to keep what is larger, -1 to keep what is smaller.
    """
    kept: list[Point] = []
    for start, end in zip(points, _next(points), strict=True):
        before, after = sign * (start[axis] - limit), sign * (end[axis] - limit)
        if before >= 0:
            kept.append(start)
        if before * after < 0:
            share = before / (before - after)
            other = start[1 - axis] + share * (end[1 - axis] - start[1 - axis])
            kept.append((limit, other) if axis == 0 else (other, limit))
    return tuple(kept)


def _next(points: Sequence[Point]) -> Sequence[Point]:
    return (*points[1:], *points[:1])
