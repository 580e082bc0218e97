"""How much of a trained network's map is left in a randomised network's.

Scores are kept by measure and by what the maps show: ``{"ssim": {"all": 0.3, ...}, ...}``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xai_core.errors import MethodError
from xai_core.heatmaps import SHOWS, signed_map, upsample
from xai_core.similarity import MEASURES, similarity

COMPLEXITY = "complexity"
BINS = 100
# A map whose values differ by less, relative to the largest, is constant: they come from float32.
ROUNDING = 1e-6
FLOOR_PAIRS = 20
SHUFFLES = 10

Map = NDArray[np.floating]
Scores = dict[str, dict[str, float]]
Size = tuple[int, int]


def known_measures() -> dict[str, str]:
    """Titles of the measures, by id."""
    titles = {name: measure.title for name, measure in MEASURES.items()}
    return {**titles, COMPLEXITY: "Rise of complexity"}


def check_measures(measures: Sequence[str]) -> None:
    """See that there is a measure, and that all are known.

    Raises:
        MethodError: there is none, or an unknown one.
    """
    known = known_measures()
    unknown = next((name for name in measures if name not in known), None)
    if unknown is not None:
        raise MethodError(f"There is no measure '{unknown}'; there are: {', '.join(known)}.")
    if not measures:
        raise MethodError("Choose at least one measure.")


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
        measures: keys of ``MEASURES``, or "complexity", the rise of the histogram's entropy
            in shares of the trained map's (Hedström et al. 2024, arXiv:2401.06465).
        shows: what the compared maps show, see ``signed_map``.

    Returns:
        One score for each measure and show; NaN where it is undefined.
    """
    pair = [enlarged(one[None], size) for one in (trained, other)]
    found: Scores = {name: {} for name in measures}
    for show in shows:
        maps = np.concatenate([signed_map(one, show) for one in pair])
        for name in measures:
            if name == COMPLEXITY:
                before, after = entropy(maps[0]), entropy(maps[1])
                score = (after - before) / before if before > 0 else np.nan
            else:
                score = similarity(maps[:1], maps[1:], name, show, signed=signed)[0]
            found[name][show] = float(score)
    return found


def enlarged(maps: Map, size: Size) -> Map:
    """Maps [N, C, h, w] at the resolution of the picture, float64."""
    maps = maps.astype(np.float64)
    return maps if maps.shape[2:] == size else upsample(maps, size)


def entropy(values: Map) -> float:
    """Entropy, in nats, of the histogram of a map in 100 equal bins from minimum to maximum."""
    if np.ptp(values) <= ROUNDING * np.abs(values).max():
        return 0.0
    counts, _ = np.histogram(values, BINS)
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


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
        measure: key of ``MEASURES`` or "complexity".
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
        measures: as in ``scores``; "complexity" has no floor.

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
        if name != COMPLEXITY
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
