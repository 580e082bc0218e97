"""Where the objects of one class are, at the resolution of a model's input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xai_core.annotations import Box, Outlines, Region, seen
from xai_core.composites import Size, quadrant_masks
from xai_core.localization.inputs import Bools, Ints
from xai_core.localization.regions import boxes_around


@dataclass(frozen=True, eq=False)
class Objects:
    """The objects of one class in front of a model.

    Attributes:
        mask: bool [H, W], all of them united.
        boxes: int64 [B, 4], one for each object that can be seen: x0, y0, x1, y1, the last two
            just outside.
        cut: the share of their area that the crop cuts off, 0 to 1; NaN where it is not known.
        quadrant: of a composite, index of ``composites.QUADRANTS``; None for a single picture.
    """

    mask: Bools
    boxes: Ints
    cut: float = float("nan")
    quadrant: int | None = None

    @property
    def size(self) -> float:
        """The share of the input that the objects fill."""
        return float(self.mask.mean())


def seen_objects(
    regions: Sequence[Region], size: Size, input_size: Size, crop: float, squash: bool = False
) -> Objects:
    """What a model sees of regions, which are taken for objects of one class.

    Args:
        regions: of a picture as it was read, at least one.
        size: (width, height) of the picture.
        input_size: (height, width) of the model's input.
        crop: as in ``images.model_input``.
        squash: likewise.

    Returns:
        With an empty mask and no boxes where nothing can be seen.
    """
    mask = np.zeros(input_size, bool)
    boxes, areas, lost = [], [], []
    for region in regions:  # one at a time: a picture may have hundreds
        found = seen([region], size, input_size, crop, squash)
        mask |= found.masks[0]
        if found.masks.any():
            boxes.append(found.boxes[0])
        areas.append(_area(region, size))
        lost.append(areas[-1] * found.cut[0])
    cut = float(sum(lost) / sum(areas))
    return Objects(mask, np.array(boxes, np.int64).reshape(-1, 4), cut)


def quadrant_objects(quadrant: int, input_size: Size) -> Objects:
    """A quadrant of a composite, as the place of its object.

    Raises:
        ImageError: an odd side of the input, which cannot be halved.
    """
    mask = quadrant_masks(input_size)[quadrant]
    return Objects(mask, boxes_around(mask[None]), quadrant=quadrant)


def _area(region: Region, size: Size) -> float:
    """In square pixels of the picture."""
    shape = region.shape
    if isinstance(shape, Box | Outlines):
        return shape.area
    return float(shape.pixels.mean() * size[0] * size[1])
