"""How alike two heatmaps are, one score per image.

A measure never averages over images. Where a score is undefined it is NaN: always for two empty
maps (zero everywhere), and for a correlation also where one of the two is constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from skimage.feature import hog as hog_features
from skimage.metrics import structural_similarity

from xai_core.errors import MethodError
from xai_core.heatmaps import SHOWS, Array, Floats, as_floats, is_empty
from xai_core.measure_registry import Measure, Needs, check_measures, measure, measures_of

SSIM_WINDOW = 7
SMALLEST_SIDE = 3
HOG_CELL_AT_224 = 16
HOG_ORIENTATIONS = 9
HOG_BLOCK = 3


def similarities() -> dict[str, Measure]:
    """The measures that tell how alike two maps are, whichever comes first, by id."""
    return {name: row for name, row in measures_of(Needs.TWO_MAPS).items() if row.symmetric}


def similarity(
    a: Array,
    b: Array,
    measure: str = "ssim",
    show: str = "all",
    *,
    signed: bool | NDArray[np.bool_] = True,
) -> Array:
    """Score every pair of maps.

    Args:
        a: heatmaps from ``signed_map``, [N, H, W].
        b: as ``a``.
        measure: key of ``similarities()``.
        show: what ``signed_map`` was told to show. "positive" and "absolute" maps lie in [0, 1];
            SSIM and HOG compare them as they are.
        signed: of maps that show "all", whether their methods give negative values, for all
            pairs or for each, [N]; where either method does, it is True. Signed maps lie in
            [-1, 1], and SSIM and HOG compare (h + 1)/2; others lie in [0, 1] and are compared
            as they are (S section 7.2.2): pressed into [0.5, 1] they would look more alike. It
            is a fact of the method (``choices.signed``), not of the values: a signed method's
            map may happen to have none below zero, and is compared like its others.

    Returns:
        float64 [N]; NaN where the score is undefined.

    Raises:
        MethodError: unknown measure, different shapes, maps too small, or values outside the
            range that ``show`` and ``signed`` promise.
    """
    known = similarities()
    check_measures([measure], known)
    scores: Array = known[measure].function(a, b, show, signed=signed)
    return scores


def pairwise(
    maps: NDArray[Any],
    measure: str = "ssim",
    show: str = "all",
    *,
    signed: bool | Sequence[bool] = True,
) -> Floats:
    """Score every map against every other.

    Args:
        maps: [M, H, W], from ``signed_map``.
        measure: key of ``similarities()``.
        show: as in ``similarity``.
        signed: whether the map's method gives negative values, for all maps or for each. A
            signed map and an unsigned one are compared as two signed ones, so that no relevance
            is the same grey in both.

    Returns:
        float64 [M, M], symmetric.

    Raises:
        MethodError: as ``similarity``.
    """
    rows, columns = np.triu_indices(len(maps))
    table = np.empty((len(maps), len(maps)))
    kinds = np.broadcast_to(np.asarray(signed, dtype=bool), len(maps))
    either = kinds[rows] | kinds[columns]
    table[rows, columns] = similarity(maps[rows], maps[columns], measure, show, signed=either)
    table[columns, rows] = table[rows, columns]
    return table


def mean_of_defined(scores: NDArray[Any]) -> Floats:
    """Mean over the first axis of the scores that are defined; NaN where none is."""
    defined = np.isfinite(scores)
    count = defined.sum(0)
    total = np.where(defined, scores, 0.0).sum(0)
    mean: Floats = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean


def pair_by_pair(score: Callable[[Floats, Floats, bool], float]) -> Callable[..., Any]:
    """What scores every pair of maps, checked, by what scores one pair.

    Args:
        score: (map [H, W], map [H, W]), and whether they are signed, in [-1, 1], or lie in
            [0, 1], to a score; not asked about two empty maps.

    Returns:
        A function of two batches of maps, ``show`` and ``signed``, as ``similarity``.
    """

    @wraps(score)
    def scores(
        a: Any, b: Any, show: str = "all", *, signed: bool | NDArray[np.bool_] = True
    ) -> Any:
        first, second = _shaped(a, show), _shaped(b, show)
        if first.shape != second.shape:
            raise MethodError(
                f"Maps of shapes {list(first.shape)} and {list(second.shape)} cannot be compared; "
                "bring them to one resolution with 'upsample' first."
            )
        kinds = np.broadcast_to(np.asarray(signed) & (show == "all"), len(first))
        _check_range(first, kinds, show)
        _check_range(second, kinds, show)
        both_empty = is_empty(first) & is_empty(second)
        found = [
            np.nan if skip else score(one, two, bool(kind))
            for one, two, kind, skip in zip(first, second, kinds, both_empty, strict=True)
        ]
        result = np.array(found, dtype=np.float64)
        return torch.from_numpy(result) if isinstance(a, torch.Tensor) else result

    return scores


def _alike(title: str, citation: str, shows: str) -> Callable[[Any], Any]:
    """Enter what scores one pair of maps, from -1 to 1, as a measure of how alike they are."""
    entered = measure(
        title=title,
        needs=Needs.TWO_MAPS,
        higher_is_better=True,
        low=-1.0,
        high=1.0,
        symmetric=True,
        citation=citation,
        shows=shows,
    )
    return lambda score: entered(pair_by_pair(score))


@_alike(
    "SSIM",
    "Wang et al. 2004, doi:10.1109/TIP.2003.819861",
    "Structural similarity: 1 means the same picture, near 0 nothing in common.",
)
def ssim(a: Floats, b: Floats, signed: bool) -> float:
    """S eq. 5.1 over uniform 7x7 windows, the largest odd window for smaller maps."""
    side = min(a.shape)
    window = min(SSIM_WINDOW, side if side % 2 else side - 1)
    score = structural_similarity(  # type: ignore[no-untyped-call]
        _unsigned(a, signed), _unsigned(b, signed), data_range=1.0, win_size=window
    )
    return float(score)


@_alike(
    "Spearman rank correlation",
    "Spearman 1904; Adebayo et al. 2018, arXiv:1810.03292",
    "Do both maps put the pixels in the same order? 1 the same, 0 unrelated, -1 reversed.",
)
def spearman(a: Floats, b: Floats, signed: bool) -> float:
    """Pearson correlation of the ranks, ties sharing their mean rank."""
    return _pearson(rankdata(a), rankdata(b))


@_alike(
    "Spearman rank correlation, absolute values",
    "Spearman 1904; Adebayo et al. 2018, arXiv:1810.03292",
    "Do both maps put the pixels in the same order of importance, whatever the sign?",
)
def spearman_absolute(a: Floats, b: Floats, signed: bool) -> float:
    """Spearman of the absolute values."""
    return _pearson(rankdata(np.abs(a)), rankdata(np.abs(b)))


@_alike(
    "HOG correlation",
    "Dalal & Triggs 2005, doi:10.1109/CVPR.2005.177; Adebayo et al. 2018, arXiv:1810.03292",
    "Do both maps show edges in the same places and directions? 1 the same, 0 unrelated.",
)
def hog(a: Floats, b: Floats, signed: bool) -> float:
    """Pearson correlation of histograms of oriented gradients.

    The settings are ours: nine orientations, blocks of 3x3 cells, cells of 16 pixels at a
    side of 224 and in proportion at other sides.
    """
    cell = max(1, round(min(a.shape) * HOG_CELL_AT_224 / 224))
    block = min(HOG_BLOCK, min(a.shape) // cell)
    one, two = (
        hog_features(
            _unsigned(values, signed),
            orientations=HOG_ORIENTATIONS,
            pixels_per_cell=(cell, cell),
            cells_per_block=(block, block),
        )
        for values in (a, b)
    )
    return _pearson(one, two)


def _pearson(a: Floats, b: Floats) -> float:
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    scale = np.sqrt((a @ a) * (b @ b))
    return float(np.clip(a @ b / scale, -1, 1)) if scale > 0 else float("nan")


def _unsigned(values: Floats, signed: bool) -> Floats:
    return (values + 1) / 2 if signed else values


def _shaped(maps: Any, show: str) -> Floats:
    if show not in SHOWS:
        raise MethodError(f"A map cannot show '{show}'; it can show: {', '.join(SHOWS)}.")
    values = as_floats(maps)
    if values.ndim != 3 or min(values.shape[1:]) < SMALLEST_SIDE:
        raise MethodError(
            f"Maps to compare must have the shape [N, H, W] with sides of at least "
            f"{SMALLEST_SIDE} pixels, not {list(values.shape)}."
        )
    return values


def _check_range(maps: Floats, signed: NDArray[np.bool_], show: str) -> None:
    lows = np.where(signed, -1, 0)[:, None, None]
    wrong = ~(np.isfinite(maps) & (maps >= lows) & (maps <= 1)).all(axis=(1, 2))
    if wrong.any():
        low = -1 if signed[wrong][0] else 0
        kind = " of a method without negative values" if show == "all" and not low else ""
        raise MethodError(
            f"Maps that show '{show}'{kind} must lie from {low} to 1; use 'signed_map'."
        )
