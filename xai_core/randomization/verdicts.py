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

FAILS, WEAK = 0.95, 0.80
CONTESTED = (
    "Contested: randomising from the top down leaves much of the network's forward pass as it "
    "was, so that a faithful map may stay similar, and similarity measures favour noisy maps "
    "(Binder et al. 2023, arXiv:2211.12486). A failed test says that the map hardly depends on "
    "the last layer; a passed one does not say that the map is right."
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
    rows = []
    for method, own in chosen.groupby("method", sort=False):
        mean, spread = mean_and_spread(_by_seed(own))
        rows.append(
            {
                "method": method,
                "similarity": mean,
                "spread": spread,
                "scores": int(own.value.notna().sum()),
                "undefined": int(own.value.isna().sum()),
                "verdict": limits.verdict(mean),
            }
        )
    names = ["method", "similarity", "spread", "scores", "undefined", "verdict"]
    return pd.DataFrame(rows, columns=names)


def curves(table: pd.DataFrame) -> pd.DataFrame:
    """Mean over images and seeds, and its spread over seeds, at every depth.

    Args:
        table: rows of ``sanity_check``.

    Returns:
        Columns method, measure, show, depth, layer, mean, spread, scores.
    """
    rows = []
    names = ["method", "measure", "show", "depth", "layer"]
    for key, own in table.groupby(names, sort=False):
        values = dict(zip(names, key, strict=True))
        values["mean"], values["spread"] = mean_and_spread(_by_seed(own))
        values["scores"] = int(own.value.notna().sum())
        rows.append(values)
    return pd.DataFrame(rows, columns=[*names, "mean", "spread", "scores"])


def mean_and_spread(values: NDArray[np.floating]) -> tuple[float, float]:
    """Mean of the defined scores, and the standard deviation over seeds of their means.

    Args:
        values: scores [seeds, images], NaN where they are undefined.

    Returns:
        NaN for the mean where no score is defined, for the spread with fewer than two seeds.
    """
    defined = np.isfinite(values)
    count = defined.sum(1)
    means = np.where(defined, values, 0).sum(1)[count > 0] / count[count > 0]
    mean = float(values[defined].mean()) if len(means) else float("nan")
    return mean, float(means.std(ddof=1)) if len(means) > 1 else float("nan")


def _by_seed(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Scores of one method, [seeds, images]."""
    found = rows.pivot(index="seed", columns="image", values="value")
    return found.to_numpy(dtype=np.float64)
