"""Votes of participants, and the maps that a majority of them calls accurate.

T 4.2.1: every participant chooses, for every picture, the model whose heatmap highlights the
class best, or says that there is no telling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_core.errors import StudyError
from xai_core.study.design import ESCAPES

_ESCAPES = " or ".join(f"“{title}”" for title in ESCAPES.values())
RULES = MappingProxyType(
    {
        "majority": "More votes than any other answer; a tie, or most votes for "
        f"{_ESCAPES}, leaves the picture undecided.",
        "models": f"More votes than any other map, however many there are for {_ESCAPES}.",
        "absolute": "More than half of all votes.",
        "shared": "Most votes; of several answers with most votes every map is accurate.",
    }
)

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class Votes:
    """Every answer, as who chose what for which picture.

    Attributes:
        participants: those who answered.
        images: the pictures that were answered.
        models: the models between which was chosen.
        chosen: whether it was chosen [participants, images, choices]; the choices are the models
            and then ``ESCAPES``. What a participant has not answered is False everywhere.
    """

    participants: tuple[object, ...]
    images: tuple[str, ...]
    models: tuple[str, ...]
    chosen: Booleans

    @property
    def choices(self) -> tuple[str, ...]:
        """The models, and then the escape answers."""
        return (*self.models, *ESCAPES)

    @property
    def counts(self) -> Floats:
        """Votes [images, choices]."""
        return np.asarray(self.chosen.sum(0), dtype=np.float64)


def collect(answers: pd.DataFrame, models: Sequence[str]) -> Votes:
    """Answers as votes.

    Args:
        answers: participant, image, choice (a model or one of ``design.ESCAPES``).
        models: the models between which was chosen.

    Raises:
        StudyError: for a choice that was not offered, and for two answers of one participant to
            one picture.
    """
    known = answers[["participant", "image", "choice"]]
    choices = (*models, *ESCAPES)
    strange = sorted({str(choice) for choice in known.choice} - set(choices))
    if strange:
        raise StudyError(f"There is an answer “{strange[0]}”, which no trial offers.")
    double = known[known.duplicated(["participant", "image"])]
    if len(double):
        who, image = double.iloc[0][["participant", "image"]]
        raise StudyError(f"Participant {who} has more than one answer to picture {image}.")
    people, participants = pd.factorize(known.participant, sort=True)
    pictures, images = pd.factorize(known.image, sort=True)
    chosen = np.zeros((len(participants), len(images), len(choices)), dtype=bool)
    places = {choice: number for number, choice in enumerate(choices)}
    chosen[people, pictures, [places[choice] for choice in known.choice]] = True
    return Votes(tuple(participants), tuple(images), tuple(models), chosen)


def accurate(counts: Floats, rule: str = "majority") -> Booleans:
    """Which models' maps the votes call accurate.

    Args:
        counts: votes [..., choices], the two escape answers last.
        rule: one of ``RULES``.

    Returns:
        [..., models]. Where no model's map is accurate, the picture is undecided.

    Raises:
        StudyError: for an unknown rule.
    """
    if rule not in RULES:
        raise StudyError(f"There is no rule “{rule}”; there are {', '.join(RULES)}.")
    models = counts[..., : -len(ESCAPES)]
    if rule == "absolute":
        return np.asarray(2 * models > counts.sum(-1, keepdims=True))
    rivals = models if rule == "models" else counts
    most = rivals.max(-1, keepdims=True)
    leading = (models == most) & (models > 0)
    if rule == "shared":
        return np.asarray(leading)
    return np.asarray(leading & ((rivals == most).sum(-1, keepdims=True) == 1))


def vote_table(votes: Votes, rule: str = "majority") -> pd.DataFrame:
    """Votes for each picture, and what they decide.

    Args:
        votes: the votes.
        rule: one of ``RULES``.

    Returns:
        A row for each picture: image, votes_ and the name of each choice, answers, agreement (the
        share of pairs of participants who gave the same answer; missing with fewer than two),
        and decided: the model, "a + b" for several, or "undecided".
    """
    counts = votes.counts
    found = accurate(counts, rule)
    total = counts.sum(1)
    pairs = total * (total - 1)
    same = (counts * (counts - 1)).sum(1)
    decided = [
        " + ".join(model for model, yes in zip(votes.models, row, strict=True) if yes)
        for row in found
    ]
    return pd.DataFrame(
        {
            "image": list(votes.images),
            **{f"votes_{name}": counts[:, i].astype(int) for i, name in enumerate(votes.choices)},
            "answers": total.astype(int),
            "agreement": np.divide(same, pairs, out=np.full(len(total), np.nan), where=pairs > 0),
            "decided": [one or "undecided" for one in decided],
        }
    )
