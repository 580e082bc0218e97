"""Which answers count: those to real trials, of everyone or of some participants."""

from __future__ import annotations

from types import MappingProxyType

import pandas as pd

from xai_core.errors import StudyError
from xai_core.study.storage.records import Records

FAST_S = 1.0  # below that nobody has looked at several pictures
WHO = MappingProxyType(
    {
        "everyone": "Everyone who answered",
        "completed": "Only participants who completed",
        "passed": "Without participants who failed more checks than the design allows",
        "unhurried": f"Without participants who took less than {FAST_S:g} s for half of their "
        "answers",
        "careful": "Without participants who failed checks or hurried",
    }
)


def real(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers to real trials: no practice, no checks."""
    return answers[answers.kind == "trial"]


def failed(records: Records) -> set[int]:
    """Participants who failed more checks than the design allows."""
    people = records.participants
    most = records.design.most_failed
    out = (people.checks_failed > most) | (people.ending == "failed").fillna(False)
    return {int(number) for number in people.participant[out]}


def hurried(records: Records) -> set[int]:
    """Participants whose median time for a real trial is below ``FAST_S``."""
    own = real(records.answers)
    times = (own.duration_ms.astype("Float64") / 1000).groupby(own.participant).median()
    known = times[times.notna()]
    return {int(number) for number in known.index[known < FAST_S].tolist()}


def counted(records: Records, who: str = "everyone") -> pd.DataFrame:
    """The answers that count.

    Args:
        records: everything of a version.
        who: one of ``WHO``.

    Returns:
        Rows of ``records.answers``.

    Raises:
        StudyError: for an unknown choice.
    """
    if who not in WHO:
        raise StudyError(f"There is no choice “{who}” of answers; there are {', '.join(WHO)}.")
    own = real(records.answers)
    if who == "completed":
        people = records.participants
        done = (people.ending == "completed").fillna(False)
        return own[own.participant.isin(people.participant[done])]
    without: set[int] = set()
    if who in ("passed", "careful"):
        without |= failed(records)
    if who in ("unhurried", "careful"):
        without |= hurried(records)
    return own[~own.participant.isin(without)]
