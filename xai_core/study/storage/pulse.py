"""What tells cheaply whether a version's results are still the ones that were computed."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from xai_core.study.storage.schema import answer, participant, version
from xai_core.study.storage.store import Store


class Pulse(NamedTuple):
    """Numbers that change whenever a version's records do.

    Attributes:
        participants: how many there are.
        ended: how many of them came to an end.
        latest: id of the one who came last.
        described: how many answered about themselves.
        instructed: how many read the instructions.
        answers: how many were given.
        visits: newcomers who saw the consent.
        declined: newcomers who declined.
    """

    participants: int
    ended: int
    latest: int
    described: int
    instructed: int
    answers: int
    visits: int
    declined: int


def pulse(store: Store, version_id: int) -> Pulse:
    """What is stored of a version, by counts alone: no answer is read.

    Answers are never changed, only added, or deleted with their participant.

    Args:
        store: of the study.
        version_id: ``Version.id``; all is 0 if there is no such version.
    """
    people = select(
        func.count(participant.c.id),
        func.count(participant.c.ending),
        func.coalesce(func.max(participant.c.id), 0),
        func.count(participant.c.background_at),
        func.count(participant.c.instructed_at),
    ).where(participant.c.version_id == version_id)
    answers = (
        select(func.count(answer.c.id))
        .join(participant, participant.c.id == answer.c.participant_id)
        .where(participant.c.version_id == version_id)
    )
    visits = select(version.c.visits, version.c.declined).where(version.c.id == version_id)
    with store.database.reading() as connection:
        found = [*connection.execute(people).one(), connection.scalar(answers)]
        found += connection.execute(visits).first() or (0, 0)
    return Pulse(*(int(number or 0) for number in found))


def picture_names(store: Store, version_id: int) -> dict[tuple[str, str | None], str]:
    """The name of each picture that was shown, by picture and condition; None is the original."""
    with store.database.reading() as connection:
        return dict(store.versions_read.get(connection, version_id).names)
