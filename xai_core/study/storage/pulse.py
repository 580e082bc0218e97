"""What tells cheaply whether a version's results are still the ones that were computed."""

from __future__ import annotations

from sqlalchemy import func, select

from xai_core.study.storage.schema import answer, participant, version
from xai_core.study.storage.store import Store

Pulse = tuple[int, ...]


def pulse(store: Store, version_id: int) -> Pulse:
    """Numbers that change whenever a version's records do: one query, no answer is read.

    Answers are never changed, only added, or deleted with their participant.

    Args:
        store: of the study.
        version_id: ``Version.id``.

    Returns:
        Participants, those who ended, the latest one, those who answered about themselves, those
        who read the instructions, answers, visits, declined; all 0 if there is no such version.
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
    return tuple(int(number or 0) for number in found)


def picture_names(store: Store, version_id: int) -> dict[tuple[str, str | None], str]:
    """The name of each picture that was shown, by picture and condition; None is the original."""
    with store.database.reading() as connection:
        return dict(store.versions_read.get(connection, version_id).names)
