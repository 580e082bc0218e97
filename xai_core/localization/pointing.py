"""Pointing games: does the map point at the object?

A point hits if it lies in the object's mask or no further than a margin from it.
"""

from __future__ import annotations

import math
from functools import lru_cache, partial
from numbers import Real

import numpy as np
from scipy.ndimage import distance_transform_edt

from xai_core.errors import MethodError
from xai_core.explainers.settings import SEED
from xai_core.heatmaps import Floats
from xai_core.localization.chance import own_generator
from xai_core.localization.inputs import (
    Bools,
    Given,
    Ints,
    mask_scores,
    object_masks,
    positive_parts,
)
from xai_core.measure_registry import Needs, measure
from xai_core.params import IntParam

MARGIN_AT_224 = 15
SOURCE = "Pillai & Pirsiavash, Explainable Models with Consistent Interpretations, AAAI 2021"
DRAWS = IntParam("draws", 100, "Points drawn in each run.", low=1, high=100_000, quick=10)
REPEATS = IntParam("repeats", 5, "Runs that are averaged.", low=1, high=1000, quick=1)


def margin(height: int, width: int) -> int:
    """15 pixels at a shorter side of 224, in proportion at others, rounded, halves up."""
    return (2 * MARGIN_AT_224 * min(height, width) + 224) // (2 * 224)


def dilated(mask: Bools, tolerance: float | None = None) -> Bools:
    """A mask with all pixels around it up to a distance, centre to centre: a disc, not a square.

    Args:
        mask: [H, W].
        tolerance: the distance in pixels; None for ``margin``.

    Returns:
        [H, W]; an empty mask stays empty.

    Raises:
        MethodError: the distance is negative or not finite.
    """
    distance = margin(*mask.shape) if tolerance is None else tolerance
    if not (isinstance(distance, Real) and math.isfinite(distance) and distance >= 0):
        raise MethodError(f"The tolerance must be a distance in pixels, not {tolerance!r}.")
    if not mask.any():
        return mask.copy()
    return _near(mask.tobytes(), mask.shape, float(distance)).copy()


@lru_cache(maxsize=8)
def _near(content: bytes, shape: tuple[int, ...], distance: float) -> Bools:
    """Which pixels lie so near a mask; kept, because many maps are scored against the same."""
    mask = np.frombuffer(content, bool).reshape(shape)
    near: Bools = distance_transform_edt(~mask) <= distance
    return near


@measure(
    title="Pointing game",
    needs=Needs.MASK,
    higher_is_better=True,
    low=0.0,
    high=1.0,
    citation="Zhang et al. 2016, arXiv:1608.00507",
    shows="Is the map's highest point on the object, or within 15 pixels of it at a side of 224? "
    "1 for a hit, 0 for a miss.",
)
def pointing_game(maps: Given, masks: Given, tolerance: float | None = None) -> Floats:
    """Whether the maximum of the positive part lies in the dilated mask.

    Where several pixels share the maximum, the score is the share of them that hit: what is to be
    expected of a point chosen among them by chance. A constant map thereby scores what the dilated
    mask takes of the picture.

    Source: Zhang et al. 2016, arXiv:1608.00507, with the margin of C section 4.3. TorchRay asks for
    a distance below the margin; here a point at the margin hits.

    Args:
        maps: [N, H, W]; of signed maps the positive part counts.
        masks: the object, bool [N, H, W].
        tolerance: the margin in pixels; None for ``margin``.

    Returns:
        float64 [N]; NaN for a map without positive values and for an empty mask.

    Raises:
        MethodError: maps, masks or the margin are not as said above.
    """
    return mask_scores(partial(_peak_hits, tolerance=tolerance), maps, masks)


def _peak_hits(part: Floats, mask: Bools, tolerance: float | None) -> float:
    return float(dilated(mask, tolerance)[part == part.max()].mean())


@measure(
    title="Stochastic pointing game",
    needs=Needs.MASK,
    higher_is_better=True,
    low=0.0,
    high=1.0,
    citation=SOURCE,
    shows="The share of points that hit the object, or the margin around it, when they are drawn "
    "as often as the map is high.",
    params=(DRAWS, REPEATS, SEED),
)
def stochastic_pointing_game(
    maps: Given,
    masks: Given,
    draws: int = 100,
    repeats: int = 5,
    seed: int = 0,
    *,
    tolerance: float | None = None,
) -> Floats:
    """The mean over the runs of ``stochastic_pointing_runs``.

    Args:
        maps: as in ``pointing_game``.
        masks: as in ``pointing_game``.
        draws: points in each run.
        repeats: runs.
        seed: of the draws.
        tolerance: as in ``pointing_game``.

    Returns:
        float64 [N]; NaN as in ``pointing_game``.

    Raises:
        MethodError: as ``stochastic_pointing_runs``.
    """
    runs = stochastic_pointing_runs(maps, masks, draws, repeats, seed, tolerance=tolerance)
    return np.array([own.mean() for own in runs], dtype=np.float64)


def stochastic_pointing_runs(
    maps: Given,
    masks: Given,
    draws: int = 100,
    repeats: int = 5,
    seed: int = 0,
    *,
    tolerance: float | None = None,
) -> Floats:
    """The share of hits in each run, for the mean and its spread over runs.

    A point is drawn with a probability proportional to the map's positive part. Every picture has
    draws of its own, decided by the seed and its mask: all methods meet the same random numbers.

    Source: C section 4.3.

    Args:
        maps: as in ``pointing_game``.
        masks: as in ``pointing_game``.
        draws: points in each run.
        repeats: runs.
        seed: of the draws.
        tolerance: as in ``pointing_game``.

    Returns:
        float64 [N, repeats]; NaN as in ``pointing_game``.

    Raises:
        MethodError: as ``pointing_game``; no draws, no runs, or a seed below 0.

    Example:
        >>> runs = stochastic_pointing_runs(maps, masks)
        >>> runs.mean(), runs.mean(0).std(ddof=1)  # over pictures: mean, and spread over runs
    """
    settings = zip((DRAWS, REPEATS, SEED), (draws, repeats, seed), strict=True)
    points, times, start = (int(row.checked("Stochastic pointing game", v)) for row, v in settings)
    parts = positive_parts(maps)
    found = np.full((len(parts), times), np.nan)
    for own, part, mask in zip(found, parts, object_masks(masks, parts), strict=True):
        if part.any() and mask.any():
            generator = own_generator(start, mask)
            hits = dilated(mask, tolerance).ravel()
            heights = np.cumsum(part / part.max())
            for run in range(times):
                own[run] = hits[_drawn(heights, points, generator)].mean()
    return found


def _drawn(heights: Floats, draws: int, generator: np.random.Generator) -> Ints:
    """Pixels by inverting the cumulated map; one of height 0 is never drawn."""
    places: Ints = np.searchsorted(heights, generator.random(draws) * heights[-1], side="right")
    return places
