"""Annotations in front of a model: exactly the resizing and the crop of ``images.model_input``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xai_core.annotations import outlines
from xai_core.annotations.regions import Annotation, Box, Mask, Outlines, Region, Size
from xai_core.images import placement

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Seen:
    """Regions at the resolution of a model's input.

    Attributes:
        masks: bool [R, H, W]; a pixel belongs to a region if its centre does.
        boxes: int64 [R, 4], x0, y0, x1 and y1 of the smallest box around each mask, the last two
            just outside; zeros where the mask is empty.
        cut: float64 [R], the share of each region's area that the crop cuts off, from 0 to 1.
    """

    masks: Bools
    boxes: NDArray[np.int64]
    cut: Floats

    @property
    def gone(self) -> Bools:
        """Which regions the crop cuts off wholly [R]."""
        return np.equal(self.cut, 1)

    @property
    def empty(self) -> Bools:
        """Which regions hold no pixel's centre [R]: they are gone, or thinner than a pixel."""
        return np.array([not mask.any() for mask in self.masks], bool)


def seen(
    regions: Annotation | Sequence[Region],
    size: Size,
    input_size: tuple[int, int],
    crop: float,
    squash: bool = False,
) -> Seen:
    """What a model sees of regions.

    The edges of a box are rounded to the nearest edges of the input's pixels. For the share that
    is cut off, the areas of a region's outlines are added up; it is exact where these neither
    overlap nor cross themselves.

    Args:
        regions: R regions of a picture as it was read (``upright.of_picture``).
        size: (width, height) of the picture.
        input_size: (height, width) of the model input.
        crop: as in ``model_input``.
        squash: as in ``model_input``.
    """
    if isinstance(regions, Annotation):
        regions = regions.regions
    view = _View.of(size, input_size, crop, squash)
    masks = [view.mask(region.shape) for region in regions]
    return Seen(
        np.array(masks, bool).reshape(-1, *input_size),
        np.array([_around(mask) for mask in masks], np.int64).reshape(-1, 4),
        np.array([view.cut(region.shape) for region in regions], np.float64),
    )


@dataclass(frozen=True, eq=False)
class _View:
    """The part of a picture that is seen.

    Attributes:
        size: (width, height) of the picture.
        xs: centres of the input's columns in the picture's pixels [W].
        ys: centres of its rows [H].
        window: what is seen, in the picture's pixels.
    """

    size: Size
    xs: Floats
    ys: Floats
    window: Box

    @classmethod
    def of(cls, size: Size, input_size: tuple[int, int], crop: float, squash: bool) -> _View:
        resized, (left, top) = placement(size, input_size, crop, squash)
        height, width = input_size
        # Products of whole numbers first, so that edges of pixels that coincide are equal.
        x0, x1 = (x * size[0] / resized[0] for x in (left, left + width))
        y0, y1 = (y * size[1] / resized[1] for y in (top, top + height))
        return cls(
            size,
            (2 * left + 2 * np.arange(width) + 1) * size[0] / (2 * resized[0]),
            (2 * top + 2 * np.arange(height) + 1) * size[1] / (2 * resized[1]),
            Box(x0, y0, x1, y1),
        )

    def mask(self, shape: Box | Outlines | Mask) -> Bools:
        """Which centres of the input's pixels a shape holds [H, W]."""
        if isinstance(shape, Box):
            columns = (shape.x0 <= self.xs) & (self.xs < shape.x1)
            rows = (shape.y0 <= self.ys) & (self.ys < shape.y1)
            return rows[:, None] & columns
        if isinstance(shape, Outlines):
            found = np.zeros((len(self.ys), len(self.xs)), bool)
            for part in shape.parts:
                found |= outlines.inside(part, self.xs, self.ys)
            return found
        height, width = shape.pixels.shape
        across = np.floor(self.xs * (width / self.size[0])).astype(int).clip(0, width - 1)
        down = np.floor(self.ys * (height / self.size[1])).astype(int).clip(0, height - 1)
        return shape.pixels[np.ix_(down, across)]

    def cut(self, shape: Box | Outlines | Mask) -> float:
        """The share of a shape that lies outside of what is seen."""
        if isinstance(shape, Box | Outlines):
            inside = shape.within(self.window)
            return 1 - min(1.0, inside.area / shape.area) if inside else 1.0
        height, width = shape.pixels.shape
        across, down = width / self.size[0], height / self.size[1]
        columns = _covered(width, self.window.x0 * across, self.window.x1 * across)
        rows = _covered(height, self.window.y0 * down, self.window.y1 * down)
        return float(1 - rows @ shape.pixels @ columns / shape.pixels.sum())


def _covered(count: int, start: float, end: float) -> Floats:
    """The share of each of so many pixels in a row that lies between start and end."""
    edges = np.clip(np.arange(count + 1, dtype=np.float64), start, end)
    return np.diff(edges)


def _around(mask: Bools) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
