"""Studies and their versions at a glance."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from xai_core.study.design import Design
from xai_core.study.storage.publishing import PREVIEW
from xai_core.study.storage.schema import participant, study, version


@dataclass(frozen=True)
class Study:
    """A study in the list.

    Attributes:
        slug: its name in addresses.
        name: for researchers.
        created_at: when it was begun.
        published: number of the newest published version, 0 if there is none.
        is_open: whether that version takes newcomers, dates and target aside.
        participants: who gave consent, over all published versions.
        completed: those of them who came to the end.
    """

    slug: str
    name: str
    created_at: datetime
    published: int
    is_open: bool
    participants: int
    completed: int


@dataclass(frozen=True)
class Version:
    """A frozen design.

    Attributes:
        id: in the database.
        number: from 1; 0 is the preview.
        design: what was frozen.
        published_at: when.
        closed_at: since when nobody can begin, or None.
        visits: newcomers who saw the consent.
        declined: newcomers who declined.
        counts: participants by stage ("background", "instructions", "practice", "trials") and,
            for those at the end, by ending ("completed", "screened_out", "failed").
    """

    id: int
    number: int
    design: Design
    published_at: datetime | None
    closed_at: datetime | None
    visits: int
    declined: int
    counts: dict[str, int] = field(default_factory=dict)


def studies(connection: Connection) -> list[Study]:
    """All studies, newest first."""
    numbers = (
        select(
            version.c.study_id,
            func.max(version.c.number).label("newest"),
            func.count(participant.c.id).label("participants"),
            func.count(participant.c.id)
            .filter(participant.c.ending == "completed")
            .label("completed"),
        )
        .select_from(version.outerjoin(participant))
        .where(version.c.number > PREVIEW)
        .group_by(version.c.study_id)
        .subquery()
    )
    newest = (version.c.study_id == study.c.id) & (version.c.number == numbers.c.newest)
    found = connection.execute(
        select(
            study.c.slug,
            study.c.name,
            study.c.created_at,
            func.coalesce(version.c.number, 0),
            version.c.id.is_not(None) & version.c.closed_at.is_(None),
            func.coalesce(numbers.c.participants, 0),
            func.coalesce(numbers.c.completed, 0),
        )
        .select_from(study)
        .outerjoin(numbers, numbers.c.study_id == study.c.id)
        .outerjoin(version, newest)
        .order_by(study.c.id.desc())
    )
    return [Study(*row) for row in found]


def versions(connection: Connection, slug: str) -> list[Version]:
    """Versions of a study, by number."""
    columns = ("id", "number", "design", "published_at", "closed_at", "visits", "declined")
    found = connection.execute(
        select(*(version.c[name] for name in columns))
        .join(study)
        .where(study.c.slug == slug)
        .order_by(version.c.number)
    ).mappings()
    rows = [dict(row) for row in found]
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    where = func.coalesce(participant.c.ending, participant.c.stage)
    grouped = (
        select(participant.c.version_id, where, func.count())
        .where(participant.c.version_id.in_([row["id"] for row in rows]))
        .group_by(participant.c.version_id, where)
    )
    for version_id, place, number in connection.execute(grouped):
        counts[version_id][place] = number
    return [
        Version(**{**row, "design": Design.from_json(row["design"]), "counts": counts[row["id"]]})
        for row in rows
    ]
