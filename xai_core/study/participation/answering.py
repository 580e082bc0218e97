"""Writes an answer: what a letter stands for, when it was shown, and that it was not there."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, update
from sqlalchemy.exc import IntegrityError

from xai_core.errors import StudyError
from xai_core.study.design import ESCAPES
from xai_core.study.participation.admission import Person
from xai_core.study.participation.screens import ClientTimes
from xai_core.study.participation.stage import Trials, TrialState, present
from xai_core.study.storage.schema import answer, trial
from xai_core.study.trial_plan import LETTERS

ELSEWHERE = "This page was left behind in another window. Reload it to go on where you are."

_ADD = insert(answer)
_SERVE = update(trial).where(trial.c.id == bindparam("shown")).values(served_at=bindparam("moment"))


def open_trial(person: Person, trials: Trials) -> TrialState | None:
    """The trial that can be answered now; none before the instructions were read."""
    return present(trials) if person.stage in ("practice", "trials") else None


def mark_served(connection: Connection, person: Person, trials: Trials, now: datetime) -> Trials:
    """Record when the present trial was first shown; the trials after that."""
    shown = open_trial(person, trials)
    if shown is None or shown.served_at is not None:
        return trials
    connection.execute(_SERVE, {"shown": shown.id, "moment": now})
    return [replace(each, served_at=now) if each is shown else each for each in trials]


def store_answer(
    connection: Connection,
    person: Person,
    own: TrialState,
    choice: str,
    key: str,
    client: ClientTimes,
    now: datetime,
) -> TrialState:
    """Write an answer to a trial that has none; the trial with it.

    Raises:
        StudyError: the choice is none of those offered, or the key belongs to another's answer.
    """
    chosen, position = _meant(own, choice)
    times = client.bounded()
    row = {
        "participant_id": person.id,
        "trial_id": own.id,
        "choice": chosen,
        "shown_position": position,
        "idempotency_key": key,
        "served_at": own.served_at or now,
        "answered_at": now,
        "client_shown_at": times.shown_at,
        "client_answered_at": times.answered_at,
        "duration_ms": times.duration_ms,
        "focus_losses": times.focus_losses,
        "hidden_ms": times.hidden_ms,
    }
    try:
        connection.execute(_ADD, row)
    except IntegrityError as error:
        # Nobody else answers this trial meanwhile, the participant is locked: it is the key.
        raise StudyError(ELSEWHERE) from error
    return replace(own, choice=chosen, idempotency_key=key)


def _meant(own: TrialState, choice: str) -> tuple[str, int | None]:
    """The condition behind a letter and its place, or an escape choice."""
    if choice in ESCAPES:
        return choice, None
    if len(choice) == 1 and choice in LETTERS[: len(own.arrangement)]:
        place = LETTERS.index(choice)
        return own.arrangement[place], place
    raise StudyError("This is none of the choices offered. Please choose one of them.")
