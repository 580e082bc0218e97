"""The region that a map points out, and boxes around it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from xai_core.heatmaps import Floats
from xai_core.localization.inputs import Bools, Given, Ints, object_boxes, positive_parts
from xai_core.measure_registry import Needs, measure
from xai_core.params import FloatParam

THRESHOLD = FloatParam(
    "threshold",
    0.2,
    "Share of the map's maximum from which a pixel belongs to the region.",
    low=0.0,
    high=1.0,
)
SUCCESS = 0.5  # the overlap from which an object counts as found
EIGHT = np.ones((3, 3))  # neighbours, diagonal ones too


def salient_regions(maps: Given, threshold: float = 0.2) -> Bools:
    """The positive values that reach a share of their map's maximum.

    Args:
        maps: [N, H, W].
        threshold: the share, 0 to 1.

    Returns:
        bool [N, H, W], empty for a map without positive values.

    Raises:
        MethodError: the maps are not finite numbers of this shape, or the share is none.
    """
    share = THRESHOLD.checked("The region", threshold)
    parts = positive_parts(maps)
    found: Bools = (parts > 0) & (parts >= share * parts.max((1, 2), keepdims=True))
    return found


def largest_components(regions: Bools) -> Bools:
    """Of each region the largest part that hangs together, also by corners.

    Of equally large parts it is the one whose first pixel comes first in reading order.

    Args:
        regions: bool [N, H, W].

    Returns:
        bool [N, H, W], empty for an empty region.
    """
    found = np.zeros_like(regions)
    for own, region in zip(found, regions, strict=True):
        parts, _ = ndimage.label(region, EIGHT)
        sizes = np.bincount(parts.ravel())
        sizes[0] = 0
        own[:] = region & (parts == parts.flat[sizes[parts].argmax()])
    return found


def boxes_around(regions: Bools) -> Ints:
    """The smallest box around each region.

    Args:
        regions: bool [N, H, W].

    Returns:
        int64 [N, 4]: x0, y0, x1, y1, the last two just outside; zeros for an empty region.
    """
    found = np.zeros((len(regions), 4), dtype=np.int64)
    for own, region in zip(found, regions, strict=True):
        rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
        if len(rows):
            own[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return found


def masks_of_boxes(boxes: NDArray[np.integer], height: int, width: int) -> Bools:
    """The pixels of each box [N, 4], as a mask, bool [N, height, width]."""
    x0, y0, x1, y1 = (side[:, None, None] for side in boxes.T)
    rows, columns = np.arange(height)[:, None], np.arange(width)
    inside: Bools = (rows >= y0) & (rows < y1) & (columns >= x0) & (columns < x1)
    return inside


def overlaps(boxes: NDArray[np.integer], others: NDArray[np.integer]) -> Floats:
    """Intersection over union of the boxes of two lists, pair by pair.

    Args:
        boxes: int [N, 4].
        others: int [N, 4].

    Returns:
        float64 [N]; NaN where a box has no area.
    """
    first = np.maximum(boxes[:, :2], others[:, :2])
    last = np.minimum(boxes[:, 2:], others[:, 2:])
    common = np.maximum(last - first, 0).prod(1)
    one, other = (np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (boxes, others))
    found = np.full(len(boxes), np.nan)
    np.divide(common, one + other - common, out=found, where=(one > 0) & (other > 0))
    return found


@measure(
    title="Box IoU",
    needs=Needs.BOX,
    higher_is_better=True,
    low=0.0,
    high=1.0,
    citation="Zhou et al. 2016, CAM, arXiv:1512.04150",
    shows="Intersection over union of the object's box and the box around the largest region that "
    "the map points out; from 0.5 the object counts as found.",
    params=(THRESHOLD,),
)
def box_iou(maps: Given, boxes: Given, threshold: float = 0.2) -> Floats:
    """Overlap of the object's box and the box of the largest component above the threshold.

    From ``SUCCESS`` on an object counts as found.

    Source: Zhou et al. 2016, arXiv:1512.04150, as E section 2.5.2 describes it.

    Args:
        maps: [N, H, W]; of signed maps the positive part counts.
        boxes: of the object, int [N, 4]: x0, y0, x1, y1, the last two just outside.
        threshold: as in ``salient_regions``.

    Returns:
        float64 [N]; NaN for a map without positive values and for a box without an area.

    Raises:
        MethodError: maps, boxes or the threshold are not as said above.
    """
    parts = positive_parts(maps)
    regions = largest_components(salient_regions(parts, threshold))
    return overlaps(boxes_around(regions), object_boxes(boxes, parts))
