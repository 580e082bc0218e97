"""Does the place of a heatmap on the screen decide, instead of what it shows?

Places are drawn at random for each trial, so that without any such bias the chosen heatmap lies
at each place equally often, whoever answers and whatever they prefer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from xai_core.study.analysis.intervals import share_columns
from xai_core.study.analysis.votes import Floats

LEAST_EXPECTED = 5.0  # answers per place that the chi-square distribution needs (Cochran 1954)
DRAWS = 20_000
FEWEST = 5  # answers of a participant to be called one who always chooses the same place


@dataclass(frozen=True)
class Positions:
    """What was chosen where.

    Attributes:
        table: place (from 1), count, answers, share, low, high (95 %, Wilson).
        statistic: chi-square against equal shares.
        p: its p value; NaN where there is nothing to test.
        way: "chi-square", or "simulated" for few answers.
        note: why there is no test, or empty.
        participants: participant, answers, place (chosen most), share, always (one place in at
            least ``FEWEST`` answers).
    """

    table: pd.DataFrame
    statistic: float
    p: float
    way: str
    note: str
    participants: pd.DataFrame


def positions(
    answers: pd.DataFrame, places: int, random_positions: bool = True, seed: int = 0
) -> Positions:
    """The distribution of the chosen place.

    Args:
        answers: participant, shown_position (from 0; missing for escape answers).
        places: how many heatmaps were side by side.
        random_positions: whether their places were drawn anew for each trial.
        seed: of the simulation that few answers need.
    """
    own = answers[answers.shown_position.notna()]
    counts = np.bincount(own.shown_position.astype(int), minlength=places).astype(np.float64)
    total = int(counts.sum())
    table = pd.DataFrame({"place": range(1, places + 1), **share_columns(counts, total)})
    note = ""
    if not random_positions:
        note = "Every trial had the same order, so that place and map cannot be told apart."
    elif not total:
        note = "No heatmap has been chosen yet."
    elif places < 2:
        note = "There is one place only."
    if note:
        return Positions(table, np.nan, np.nan, "", note, _by_participant(own))
    statistic, p, way = _uniform(counts, seed)
    return Positions(table, statistic, p, way, "", _by_participant(own))


def _uniform(counts: Floats, seed: int) -> tuple[float, float, str]:
    """Chi-square against equal shares, its p value, and how that was found."""
    total, places = int(counts.sum()), len(counts)
    statistic, p = chisquare(counts)
    if total / places >= LEAST_EXPECTED:
        return float(statistic), float(p), "chi-square"
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(total, np.full(places, 1 / places), DRAWS)
    expected = total / places
    simulated = ((drawn - expected) ** 2).sum(1) / expected
    # Counting the observed one too keeps the p value valid (Davison and Hinkley 1997).
    larger = int((simulated >= statistic - 1e-9).sum())
    return float(statistic), (larger + 1) / (DRAWS + 1), "simulated"


def _by_participant(own: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for participant, part in own.groupby("participant"):
        counts = part.shown_position.astype(int).value_counts()
        most = int(counts.max())
        always = len(part) >= FEWEST and most == len(part)
        place = int(counts[counts == most].index.min()) + 1
        rows.append((participant, len(part), place, most / len(part), always))
    columns = ["participant", "answers", "place", "share", "always"]
    return pd.DataFrame(rows, columns=columns)
