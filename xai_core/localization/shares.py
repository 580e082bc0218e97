"""How much of a map's positive relevance lies where it should, or should not."""

from __future__ import annotations

import numpy as np

from xai_core.heatmaps import Floats
from xai_core.localization.inputs import (
    Bools,
    Given,
    mask_scores,
    positive_parts,
    quadrant_numbers,
)
from xai_core.localization.pointing import SOURCE
from xai_core.measure_registry import Needs, measure


@measure(
    title="Content heatmap (energy-based pointing game)",
    needs=Needs.MASK,
    higher_is_better=True,
    low=0.0,
    high=1.0,
    citation=f"{SOURCE}; Wang et al. 2020, Score-CAM, arXiv:1910.01279",
    shows="The share of the positive relevance that lies on the object.",
)
def content_heatmap(maps: Given, masks: Given) -> Floats:
    """Sum of the positive part inside of the mask over its whole sum.

    Source: C section 4.3. Wang et al. 2020 call it the energy-based pointing game, of boxes.

    Args:
        maps: [N, H, W]; of signed maps the positive part counts.
        masks: the object, bool [N, H, W]; no margin is added.

    Returns:
        float64 [N]; NaN for a map without positive values and for an empty mask.

    Raises:
        MethodError: maps or masks are not as said above.
    """
    return mask_scores(_share, maps, masks)


@measure(
    title="Negative quadrants heatmap",
    needs=Needs.QUADRANT,
    higher_is_better=False,
    low=0.0,
    high=1.0,
    citation=SOURCE,
    shows="Of four pictures put together, the share of the positive relevance that lies on the "
    "three without the object.",
)
def negative_quadrants(maps: Given, quadrant: Given) -> Floats:
    """Sum of the positive part on the three other quadrants over its whole sum.

    The borders are the lines that halve the map. Of an odd side they pass through the middle of a
    row or column of pixels, which counts by half on either side.

    Source: C section 4.3.

    Args:
        maps: of composites of two by two pictures, [N, H, W]; of signed maps the positive part
            counts.
        quadrant: where the object is, int [N]: 0 top left, 1 top right, 2 bottom left, 3 bottom
            right.

    Returns:
        float64 [N]; NaN for a map without positive values.

    Raises:
        MethodError: maps or quadrants are not as said above.
    """
    parts = positive_parts(maps)
    pairs = zip(parts, quadrant_numbers(quadrant, parts), strict=True)
    found = [
        _share(part, 1 - _quadrant(part.shape, int(own))) if part.any() else np.nan
        for part, own in pairs
    ]
    return np.array(found, dtype=np.float64)


def _share(part: Floats, weights: Floats | Bools) -> float:
    scaled = part / part.max()  # so that no sum overflows
    return float((scaled * weights).sum() / scaled.sum())


def _quadrant(shape: tuple[int, ...], number: int) -> Floats:
    """Which share of each pixel [H, W] lies in the quadrant."""
    below, right = divmod(number, 2)
    rows, columns = (_first_half(side) for side in shape)
    return np.outer(1 - rows if below else rows, 1 - columns if right else columns)


def _first_half(side: int) -> Floats:
    halves: Floats = np.clip(side / 2 - np.arange(side), 0, 1)
    return halves
