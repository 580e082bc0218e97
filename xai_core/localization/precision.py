"""PxAP: how well a map's values tell the object's pixels from the others."""

from __future__ import annotations

import numpy as np

from xai_core.heatmaps import Floats
from xai_core.localization.inputs import (
    Bools,
    Given,
    Ints,
    mask_scores,
    object_masks,
    positive_parts,
)
from xai_core.measure_registry import Needs, measure

LEVELS = 1000  # thresholds of the pooled area
EDGES = np.append(np.arange(LEVELS) / LEVELS, np.inf)


@measure(
    title="PxAP",
    needs=Needs.MASK,
    higher_is_better=True,
    low=0.0,
    high=1.0,
    citation="Choe et al. 2020, arXiv:2007.04178",
    shows="Pixel average precision: the area under the curve of precision and recall over all "
    "thresholds. By chance it is the share of the picture that the object takes.",
)
def pxap(maps: Given, masks: Given) -> Floats:
    """Sum over the thresholds of precision times gain in recall, for each picture.

    Every value of the positive part is a threshold; pixels that share a value are taken together,
    and those without relevance come last.

    Source: Choe et al. 2020, arXiv:2007.04178. Differs from the paper: it pools the pixels of all
    pictures (``pxap_pooled``), so that large objects weigh more; and it has 1,000 thresholds.

    Args:
        maps: [N, H, W]; of signed maps the positive part counts.
        masks: the object, bool [N, H, W].

    Returns:
        float64 [N]; NaN for a map without positive values and for an empty mask.

    Raises:
        MethodError: maps or masks are not as said above.
    """
    return mask_scores(average_precision, maps, masks)


def pxap_pooled(maps: Given, masks: Given) -> float:
    """One area for the pixels of all pictures together, as the paper has it.

    Each map's positive part is first divided by its maximum, so that one threshold means the same
    in all maps. The thresholds are the paper's, 0, 0.001, …, 0.999. Pictures of which ``pxap`` is
    undefined are left out.

    Source: Choe et al. 2020, arXiv:2007.04178. Differs from the paper: it also subtracts each
    map's minimum, which of a map with zero or negative values changes nothing.

    Args:
        maps: as in ``pxap``.
        masks: as in ``pxap``.

    Returns:
        The area; NaN if no picture is left.

    Raises:
        MethodError: as ``pxap``.
    """
    return pooled_area(level_counts(maps, masks).sum(0))


def level_counts(maps: Given, masks: Given) -> Ints:
    """How many pixels of each picture lie between two thresholds; sums of them can be pooled.

    Args:
        maps: as in ``pxap``.
        masks: as in ``pxap``.

    Returns:
        int64 [N, 2, 1000], beside the object and on it, by the highest threshold that they
        reach; zeros where ``pxap`` is undefined.

    Raises:
        MethodError: as ``pxap``.
    """
    parts = positive_parts(maps)
    found = np.zeros((len(parts), 2, LEVELS), np.int64)
    for own, part, mask in zip(found, parts, object_masks(masks, parts), strict=True):
        if part.any() and mask.any():
            shares = part / part.max()
            for place, chosen in enumerate((~mask, mask)):
                own[place] = np.histogram(shares[chosen], EDGES)[0]
    return found


def pooled_area(counts: Ints) -> float:
    """The area of summed ``level_counts``, int [2, 1000]; NaN if there is none."""
    beside, on = counts[:, ::-1].cumsum(1)  # from the highest threshold down
    if on[-1] == 0:
        return float("nan")
    chosen = np.maximum(beside + on, 1)  # where nothing is chosen, nothing is gained
    return float((on / chosen * np.diff(on, prepend=0)).sum() / on[-1])


def average_precision(values: Floats, truth: Bools) -> float:
    """The area of values of any shape, at least one of which is true."""
    order = np.argsort(values, axis=None)[::-1]
    sorted_values = values.ravel()[order]
    # Where each value, from the largest down, was last seen; pixels that share it count together.
    last = np.flatnonzero(np.append(sorted_values[1:] != sorted_values[:-1], True))
    found = truth.ravel()[order].cumsum()[last]  # true pixels so far
    precision, hits = found / (last + 1), np.diff(found, prepend=0)
    return float((precision * hits).sum() / found[-1])
