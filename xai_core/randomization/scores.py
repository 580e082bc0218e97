"""How much of a trained network's map is left in a randomised network's.

Scores are kept by measure and by what the maps show: ``{"ssim": {"all": 0.3, ...}, ...}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core.heatmaps import SHOWS, signed_map, upsample
from xai_core.measures import MEASURES, Needs, measures_of
from xai_core.measures import check_measures as check_known

FLOOR_PAIRS = 20
SHUFFLES = 10

Map = NDArray[np.floating]
Scores = dict[str, dict[str, float]]
Size = tuple[int, int]


def check_measures(measures: Sequence[str]) -> None:
    """See that there is a measure, and that all compare two maps.

    Raises:
        MethodError: there is none, or an unknown one.
    """
    check_known(measures, measures_of(Needs.TWO_MAPS))


def scores(
    trained: Map,
    other: Map,
    size: Size,
    signed: bool,
    measures: Sequence[str],
    shows: Sequence[str] = SHOWS,
) -> Scores:
    """Compare a map with the trained network's, at the resolution of the picture.

    Args:
        trained: relevance [C, h, w].
        other: the same of another network, perhaps at another resolution.
        size: (height, width) of the model's input, to which coarser maps are enlarged.
        signed: whether the method gives negative values, see ``similarity``.
        measures: of two maps, keys of ``MEASURES``; the trained network's map is the first.
        shows: what the compared maps show, see ``signed_map``.

    Returns:
        One score for each measure and show; NaN where it is undefined.
    """
    pair = [upsample(one[None].astype(np.float64), size) for one in (trained, other)]
    found: Scores = {name: {} for name in measures}
    for show in shows:
        maps = np.concatenate([signed_map(one, show) for one in pair])
        for name in measures:
            score = MEASURES[name].function(maps[:1], maps[1:], show, signed=signed)
            found[name][show] = float(score[0])
    return found


@lru_cache(maxsize=1000)
def noise_floor(
    native: Size, size: Size, signed: bool, measure: str, show: str
) -> tuple[float, float]:
    """What independent maps of uniform noise reach: mean and standard deviation of 20 pairs.

    Args:
        native: (height, width) at which a method works.
        size: (height, width) of the picture, to which coarser maps are enlarged.
        signed: whether the noise lies in [-1, 1] or in [0, 1], and is compared like the maps
            of a method that gives negative values, or like those of one that does not.
        measure: as in ``scores``.
        show: as in ``signed_map``.
    """
    generator = np.random.default_rng(0)
    low = -1.0 if signed else 0.0
    pairs = generator.uniform(low, 1, (FLOOR_PAIRS, 2, 1, *native))
    values = [
        scores(one, other, size, signed, [measure], [show])[measure][show] for one, other in pairs
    ]
    return _mean_and_spread(values)


def shuffled_floor(
    trained: Map, size: Size, signed: bool, measure: str = "ssim", show: str = "all"
) -> tuple[float, float]:
    """What the map [C, h, w] reaches with itself when its places are shuffled, ten times.

    The channels of a place stay together. It is high for sparse maps and for maps with an
    outlier, which resemble each other wherever both are empty.
    """
    generator = np.random.default_rng(0)
    flat = trained.reshape(len(trained), -1)
    values = [
        scores(
            trained,
            flat[:, generator.permutation(flat.shape[1])].reshape(trained.shape),
            size,
            signed,
            [measure],
            [show],
        )[measure][show]
        for _ in range(SHUFFLES)
    ]
    return _mean_and_spread(values)


def floors(trained: Map, size: Size, signed: bool, measures: Sequence[str]) -> dict[str, Any]:
    """What maps of noise, and the map's own shuffled values, reach, as JSON can hold it.

    Args:
        trained: the trained network's map [C, h, w].
        size: as in ``scores``.
        signed: whether the method is.
        measures: as in ``scores``; one that is not symmetric has no floor.

    Returns:
        "native", [h, w]; "noise", by measure and show, and "shuffled", SSIM by show: pairs of
        mean and standard deviation, None where undefined.
    """
    height, width = trained.shape[1:]

    def pair(found: tuple[float, float]) -> list[float | None]:
        return [value if np.isfinite(value) else None for value in found]

    noise = {
        name: {show: pair(noise_floor((height, width), size, signed, name, show)) for show in SHOWS}
        for name in measures
        if MEASURES[name].symmetric
    }
    shuffled = {show: pair(shuffled_floor(trained, size, signed, "ssim", show)) for show in SHOWS}
    return {"native": [height, width], "noise": noise, "shuffled": shuffled}


def _mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    defined = [value for value in values if np.isfinite(value)]
    if not defined:
        return float("nan"), float("nan")
    return float(np.mean(defined)), float(np.std(defined))


def plain(found: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float | None]]:
    """Scores as JSON can hold them: None for NaN."""
    return {
        name: {show: value if np.isfinite(value) else None for show, value in by_show.items()}
        for name, by_show in found.items()
    }
