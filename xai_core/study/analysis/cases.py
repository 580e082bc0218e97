"""The four cases of T 4.2.1: is the prediction right, and is the heatmap accurate?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from xai_core.errors import StudyError
from xai_core.study.analysis.intervals import INTERVALS, of_variance, share_columns
from xai_core.study.analysis.resampling import REPLICATES, crossed, redrawn
from xai_core.study.analysis.votes import Booleans, Floats, Votes, accurate, collect

UNDECIDED = "undecided"
CASES: MappingProxyType[int | str, str] = MappingProxyType(
    {
        1: "Case 1: prediction right, map accurate",
        2: "Case 2: prediction wrong, map accurate",
        3: "Case 3: prediction right, map inaccurate",
        4: "Case 4: prediction wrong, map inaccurate",
        UNDECIDED: "Undecided: no majority for any map",
    }
)
# What people read of a case as tables write it.
CASE_TITLES = {str(case): title for case, title in CASES.items()}


COLUMNS = ("model", "case", "count", "images", "share", "low", "high")


def known(predictions: pd.DataFrame, models: Sequence[str], images: Iterable[str]) -> bool:
    """Whether every model's prediction is there for every picture.

    It is not where maps were computed elsewhere: what their model says is then not known, and
    there are no cases.
    """
    there = set(zip(predictions.image, predictions.model, strict=True))
    return all((image, model) in there for image in images for model in models)


def no_cases(*before: str) -> pd.DataFrame:
    """The table of cases where there are none, with these columns before its own."""
    return pd.DataFrame(columns=[*before, *COLUMNS])


def case_table(
    answers: pd.DataFrame,
    predictions: pd.DataFrame,
    interval: str = "wilson",
    *,
    rule: str = "majority",
    seed: int = 0,
    replicates: int = REPLICATES,
) -> pd.DataFrame:
    """Shares of all pictures shown that fall into each case, for each model.

    A map is accurate where the majority of a picture's votes chose it, and inaccurate where they
    chose another model's; where they decide for none, the picture is undecided for every model.

    Args:
        answers: participant, image, choice (a model, "cannot_distinguish" or "same"); every
            picture in it was shown.
        predictions: image, model, correct.
        interval: one of ``intervals.INTERVALS``: "wilson", "normal" (T's printed figures), both
            over pictures alone, or "bootstrap" over participants and pictures (``resampling``).
        rule: when votes decide, one of ``votes.RULES``.
        seed: of the bootstrap.
        replicates: of the bootstrap.

    Returns:
        One row for each model and case, 1 to 4 and then "undecided": model, case, count, images
        (shown), share, low, high. Shares of no picture are missing.

    Raises:
        StudyError: for answers or predictions that do not fit each other, and for an unknown
            interval or rule.
    """
    if interval not in INTERVALS:
        raise StudyError(f"There is no interval “{interval}”; there are {', '.join(INTERVALS)}.")
    votes = collect(answers, list(dict.fromkeys(predictions.model)))
    correct = correctness(predictions, votes)
    found = membership(accurate(votes.counts, rule), correct)
    counts = found.sum(0)
    images = len(votes.images)
    drawn = interval == "bootstrap" and images
    ends = _crossed_ends(votes, correct, found, rule, seed, replicates) if drawn else None
    rows = [(model, case) for model in votes.models for case in CASES]
    table = pd.DataFrame(rows, columns=["model", "case"]).astype({"case": object})
    return table.assign(**share_columns(counts.ravel(), images, "images", interval, ends))


def correctness(predictions: pd.DataFrame, votes: Votes) -> Booleans:
    """Whether each model's prediction is right [images, models].

    Raises:
        StudyError: for a picture of the votes without a model's prediction, or with two.
    """
    known = predictions.set_index(["image", "model"])["correct"]
    if known.index.has_duplicates:
        raise StudyError("A picture has two predictions of the same model.")
    table = known.unstack("model").reindex(index=votes.images, columns=votes.models)
    missing = np.argwhere(table.isna())
    if len(missing):
        image, model = missing[0]
        raise StudyError(
            f"It is not known whether {votes.models[model]} is right about picture "
            f"{votes.images[image]}, so that the picture belongs to no case."
        )
    return table.to_numpy(dtype=bool)


def membership(found: Booleans, correct: Booleans) -> Booleans:
    """Which case each picture is.

    Args:
        found: whose map is accurate [..., images, models].
        correct: whose prediction is right [images, models].

    Returns:
        [..., images, models, cases], the cases in the order of ``CASES``.
    """
    decided = found.any(-1, keepdims=True)
    lost = decided & ~found
    return np.stack(
        [found & correct, found & ~correct, lost & correct, lost & ~correct,
         np.broadcast_to(~decided, found.shape)],
        axis=-1,
    )  # fmt: skip


def _crossed_ends(
    votes: Votes, correct: Booleans, found: Booleans, rule: str, seed: int, replicates: int
) -> list[tuple[float, float]]:
    """Both ends of every interval, models by cases, with participants and pictures sampled."""
    images = len(votes.images)
    again = membership(accurate(redrawn(votes, replicates, seed), rule), correct)
    ends = []
    for model in range(len(votes.models)):  # one model at a time, to need less memory
        own: Floats = found[:, model].astype(np.float64)
        spread = crossed(own / images, again[:, :, model] / images, len(votes.participants))
        for case, share in enumerate(own.mean(0)):
            variance, df = float(spread.variance[case]), float(spread.df[case])
            ends.append(of_variance(float(share), variance, df, images))
    return ends
