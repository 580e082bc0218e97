"""What the table says about every method: verdicts, and curves over the depth.

The verdict goes by the maps after the last fully connected layer alone is randomised (S section
5.2). That a map must change then is contested; ``CONTESTED`` says why, and belongs beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_core.errors import MethodError
from xai_core.heatmaps import Floats

FAILS, WEAK = 0.95, 0.80
VERDICT = ("ssim", "all")  # the measure, and what the compared maps show
CONTESTED = (
    "Contested: randomising from the top down leaves much of the network's forward pass as it "
    "was, so that a faithful map may stay similar, and similarity measures favour noisy maps "
    "(Binder et al. 2023, arXiv:2211.12486). A failed test says that the map hardly depends on "
    "the last layer; a passed one does not say that the map is right."
)
SIGN = (
    "A map that only turns its sign counts as changed where signed maps are compared. Relevance "
    "propagation starts with the class's logit, which a randomised last layer makes negative half "
    "of the time where the class stays the same, so that its maps turn over as a whole; the "
    "absolute maps tell whether more has changed."
)


@dataclass(frozen=True)
class Thresholds:
    """Mean similarities from which on a method fails, or is weak.

    Raises:
        MethodError: the first is not above the second, or one is outside -1 to 1.
    """

    fails: float = FAILS
    weak: float = WEAK

    def __post_init__(self) -> None:
        if not -1 <= self.weak <= self.fails <= 1:
            raise MethodError(
                "The thresholds must lie from -1 to 1, and that of 'fails' not below that of "
                f"'weak': not {self.fails:g} and {self.weak:g}."
            )

    def verdict(self, similarity: float) -> str:
        """One of "fails", "weak", "passes"; "undefined" for NaN."""
        if np.isnan(similarity):
            return "undefined"
        if similarity >= self.fails:
            return "fails"
        return "weak" if similarity >= self.weak else "passes"


def marked(verdict: str, remark: str) -> str:
    """The verdict as it is shown: "passes" with a warning where some maps have collapsed.

    Args:
        verdict: one of ``Thresholds.verdict``.
        remark: from ``collapse.remark``.
    """
    return f"⚠ {verdict}" if remark and verdict == "passes" else verdict


def verdicts(
    last_alone: pd.DataFrame,
    thresholds: Thresholds | None = None,
    measure: str = "ssim",
    show: str = "all",
) -> pd.DataFrame:
    """One row a method: mean similarity with the last layer alone randomised, and the verdict.

    Args:
        last_alone: rows of ``sanity_check`` for the network whose last layer alone is new: of
            depth 1 from the output, in either mode.
        thresholds: as in METHODS, 0.95 and 0.80, unless given.
        measure: by which the verdict goes.
        show: likewise.

    Returns:
        Columns method, similarity (mean over images and seeds), spread (standard deviation over
        seeds of the mean over images), scores (how many are defined), undefined, verdict.
    """
    limits = Thresholds() if thresholds is None else thresholds
    chosen = last_alone[(last_alone.measure == measure) & (last_alone.show == show)]
    found = _summary(chosen, ["method"]).rename(columns={"mean": "similarity"})
    return found.assign(verdict=[limits.verdict(mean) for mean in found.similarity])


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over images and seeds, and its spread over seeds, at every depth.

    Args:
        table: rows of ``sanity_check``.

    Returns:
        Columns method, measure, show, depth, layer, mean, spread, scores.
    """
    found = _summary(table, ["method", "measure", "show", "depth", "layer"])
    return found.drop(columns="undefined")


def mean_and_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mean of the defined scores, and the standard deviation over seeds of their means.

    Args:
        values: scores [seeds, images], NaN where they are undefined.

    Returns:
        NaN for the mean where no score is defined, for the spread with fewer than two seeds.
    """
    mean, spread = _means_and_spreads(values[None])
    return float(mean[0]), float(spread[0])


def _means_and_spreads(values: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """``mean_and_spread`` of scores [N, seeds, images], both [N]."""
    defined = np.isfinite(values)
    kept = np.where(defined, values, 0.0)
    count = defined.sum(2)
    there = count > 0
    seeds = there.sum(1)
    each = _ratio(kept.sum(2), count)
    away = np.where(there, each - _ratio(np.where(there, each, 0.0).sum(1), seeds)[:, None], 0.0)
    variance = _ratio((away**2).sum(1), seeds - 1)
    return _ratio(kept.sum((1, 2)), count.sum(1)), np.sqrt(variance)


def _ratio(total: Floats, count: NDArray[np.integer]) -> Floats:
    """NaN where there is nothing to divide by."""
    found = np.full(total.shape, np.nan)
    np.divide(total, count, out=found, where=count > 0)
    return found


def _summary(rows: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Mean, spread, number of defined and of undefined scores by some columns, in their order."""
    groups = rows.groupby(names, sort=False, dropna=False)
    group = groups.ngroup().to_numpy()
    seed, seeds = pd.factorize(rows.seed, sort=True)
    # Pictures are counted, not named: two may have the same name.
    image = rows.groupby([*names, "seed"], sort=False, dropna=False).cumcount().to_numpy()
    # One array for all groups, because a pivot of each would take most of the time.
    scores = np.full((groups.ngroups, len(seeds), image.max(initial=-1) + 1), np.nan)
    scores[group, seed, image] = rows.value.to_numpy(dtype=np.float64)
    found = rows[names].drop_duplicates().reset_index(drop=True)
    found["mean"], found["spread"] = _means_and_spreads(scores)
    found["scores"] = groups.value.count().to_numpy()
    found["undefined"] = groups.size().to_numpy() - found["scores"]
    return found
