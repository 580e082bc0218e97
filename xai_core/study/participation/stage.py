"""Where a participant is: the trials, the present one, and the screen to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Select, bindparam, select, update

from xai_core.study.design import ESCAPES, Design
from xai_core.study.participation.admission import Person
from xai_core.study.participation.screens import Screen, ShownTrial
from xai_core.study.public_design import PublicDesign
from xai_core.study.storage.schema import answer, participant, trial
from xai_core.study.storage.versions import Frozen
from xai_core.study.trial_plan import LETTERS, passed


@dataclass(frozen=True)
class TrialState:
    """A trial as it is stored, and the choice that was made, or None."""

    id: int
    position: int
    kind: str
    image: str
    arrangement: list[str]
    expected: str | None
    served_at: datetime | None
    choice: str | None
    idempotency_key: str | None


Trials = Sequence[TrialState]


_ASKED = ("id", "position", "kind", "image", "arrangement", "expected", "served_at")
_TRIALS: Select[Any] = (
    select(*(trial.c[name] for name in _ASKED), answer.c.choice, answer.c.idempotency_key)
    .select_from(trial.outerjoin(answer))
    .where(trial.c.participant_id == bindparam("id"))
    .order_by(trial.c.position)
)


def trials_of(connection: Connection, participant_id: int) -> Trials:
    """All trials of a participant, in order."""
    return [TrialState(*row) for row in connection.execute(_TRIALS, {"id": participant_id})]


def present(trials: Trials) -> TrialState | None:
    """The first trial without an answer."""
    return next((each for each in trials if each.choice is None), None)


def stage_after(person: Person, trials: Trials, now: datetime, design: Design) -> dict[str, Any]:
    """What changes in a participant's row once all answers in ``trials`` are given."""
    changes: dict[str, Any] = {}
    following = present(trials)
    if person.practised_at is None and (following is None or following.kind != "practice"):
        changes |= {"practised_at": now, "stage": "trials"}
    if following is None:
        wrong = sum(not passed(each.expected, each.choice or "") for each in trials)
        ending = "failed" if wrong > design.most_failed else "completed"
        changes |= {"ended_at": now, "stage": "ended", "ending": ending}
    return changes


def change(connection: Connection, person: Person, changes: dict[str, Any]) -> Person:
    """Write changes of a participant's row, if there are any; the participant after them."""
    if not changes:
        return person
    where = participant.c.id == person.id
    connection.execute(update(participant).where(where).values(**changes))
    known = {name: value for name, value in changes.items() if hasattr(person, name)}
    return replace(person, **known)


def screen(frozen: Frozen, person: Person, trials: Trials) -> Screen:
    """What a participant sees now."""
    public = frozen.public
    if person.stage == "background":
        return Screen("background", public)
    if person.stage == "instructions":
        return Screen("instructions", public)
    shown = present(trials)
    if person.stage == "ended" or shown is None:
        return _ended(frozen.design, public, person.ending)
    return Screen("trial", public, trial=_shown(frozen, trials, shown))


def _ended(design: Design, public: PublicDesign, ending: str | None) -> Screen:
    code = design.codes.get(ending or "", "")
    url = design.completion_url.replace("{code}", quote(code, safe="")) if code else ""
    return Screen("ended", public, ending=ending, code=code, url=url)


def _shown(frozen: Frozen, trials: Trials, shown: TrialState) -> ShownTrial:
    practice = shown.kind == "practice"
    alike = [each for each in trials if (each.kind == "practice") == practice]
    later = trials[shown.position + 1 : shown.position + 2]
    original, options = _pictures(frozen, shown)
    classes = {picture.id: picture.true_class for picture in frozen.design.pictures}
    return ShownTrial(
        id=shown.id,
        number=1 + sum(each.position < shown.position for each in alike),
        total=len(alike),
        practice=practice,
        instruction=_instruction(shown),
        question=frozen.design.question.replace("{class}", classes[shown.image]),
        original=original,
        options=options,
        next_pictures=tuple(name for each in later for name in _names(frozen, each)),
    )


def _pictures(frozen: Frozen, row: TrialState) -> tuple[str, tuple[tuple[str, str], ...]]:
    heatmaps = [frozen.names[row.image, model] for model in row.arrangement]
    return frozen.names[row.image, None], tuple(zip(LETTERS, heatmaps, strict=False))


def _names(frozen: Frozen, row: TrialState) -> list[str]:
    original, options = _pictures(frozen, row)
    return list(dict.fromkeys([original, *(name for _letter, name in options)]))


def _instruction(row: TrialState) -> str:
    if row.kind != "instructed":
        return ""
    right = row.expected or ""
    words = f"“{ESCAPES[right]}”" if right in ESCAPES else LETTERS[row.arrangement.index(right)]
    return f"For this one, please choose {words}."
