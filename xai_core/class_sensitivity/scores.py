"""How alike a method's maps of several classes are, and where each of them lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from xai_core.errors import MethodError
from xai_core.heatmaps import SHOWS, Floats, signed_map, upsample
from xai_core.localization import content_heatmap
from xai_core.measures import MEASURES
from xai_core.measures import check_measures as check_known
from xai_core.randomization.scores import Map, Size, noise_floor
from xai_core.similarity import similarities


@dataclass(frozen=True)
class ClassScores:
    """One method's maps of k classes of one picture, compared.

    Attributes:
        scores: float64 [M, S, k, k], by measure, by what the maps show, and by pair of classes;
            NaN where it is undefined, and of a class with itself.
        floors: float64 [M, S, 2]: mean and standard deviation of what two maps of independent
            noise reach at the method's resolution (``noise_floor``).
        inside: float64 [k, P]: the share of each map's positive relevance that lies in each of P
            parts of the picture; NaN where a map has none.
    """

    scores: Floats
    floors: Floats
    inside: Floats


def compare_classes(
    maps: Sequence[Map],
    size: Size,
    signed: bool,
    measures: Sequence[str],
    parts: NDArray[np.bool_],
) -> ClassScores:
    """Compare one method's maps of several classes (S section 7.3).

    Args:
        maps: relevance [C, h, w] of each of k classes, at least two.
        size: (height, width) of the model's input, to which coarser maps are enlarged.
        signed: whether the method gives negative values, see ``similarity``.
        measures: as in ``check_measures``.
        parts: bool [P, H, W], parts of the picture; there may be none.

    Raises:
        MethodError: fewer than two maps, parts of another size, or as ``check_measures``.
    """
    check_measures(measures)
    if len(maps) < 2:
        raise MethodError("Comparing classes needs the maps of two classes at least.")
    if parts.shape[1:] != size:
        raise MethodError(f"The parts are {list(parts.shape[1:])}, the picture is {list(size)}.")
    height, width = maps[0].shape[1:]
    large = upsample(np.stack(maps).astype(np.float64), size)
    first, second = np.array(list(combinations(range(len(maps)), 2))).T
    scores = np.full((len(measures), len(SHOWS), len(maps), len(maps)), np.nan)
    floors = np.zeros((len(measures), len(SHOWS), 2))
    for s, show in enumerate(SHOWS):
        shown = signed_map(large, show)
        for m, name in enumerate(measures):
            found = MEASURES[name].function(shown[first], shown[second], show, signed=signed)
            scores[m, s, first, second] = scores[m, s, second, first] = found
            floors[m, s] = noise_floor((height, width), size, signed, name, show)
    positive = signed_map(large, "positive")
    inside = [content_heatmap(positive, np.repeat(part[None], len(maps), 0)) for part in parts]
    return ClassScores(scores, floors, np.reshape(inside, (len(parts), len(maps))).T)


def check_measures(names: Sequence[str]) -> None:
    """See that there is a measure, and that all tell how alike two maps are.

    Args:
        names: keys of ``similarities()``.

    Raises:
        MethodError: there is none, or an unknown one.
    """
    check_known(names, similarities())
