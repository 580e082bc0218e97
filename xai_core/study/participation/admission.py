"""Where a participant's address leads: to a participant, to the consent, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from xai_core.study.design import Design
from xai_core.study.participation.screens import ScreenKind, Ticket
from xai_core.study.storage.publishing import PREVIEW
from xai_core.study.storage.schema import invitation, participant, platform_identity, study, version
from xai_core.study.storage.tokens import token_hash
from xai_core.study.storage.versions import Versions
from xai_core.study.texts import moment, storable

LONGEST = 200  # characters of anything in an address


@dataclass(frozen=True)
class Person:
    """What of a participant's row decides what is shown."""

    id: int
    version_id: int
    study_id: int
    stage: str
    ending: str | None
    practised_at: datetime | None
    withdrawal_hash: str
    seed: int


@dataclass(frozen=True)
class Place:
    """What an address leads to.

    Attributes:
        kind: of screen; "trial" stands for wherever the participant is.
        study_id: of the study, 0 if unknown.
        version_id: of the participant's version, or the one to begin with; 0 if none.
        person: the participant, or None.
        invitation_id: of the invitation to use up, or None.
    """

    kind: ScreenKind
    study_id: int = 0
    version_id: int = 0
    person: Person | None = None
    invitation_id: int | None = None


_UNKNOWN = Place("unknown")


_DECIDING = ("stage", "ending", "practised_at", "withdrawal_hash", "seed")
# Put together once: an answer asks one of these, 20 times a second.
_PERSON: Select[Any] = (
    select(
        participant.c.id,
        participant.c.version_id,
        version.c.study_id,
        *(participant.c[name] for name in _DECIDING),
    )
    .select_from(participant)
    .join(version, version.c.id == participant.c.version_id)
    .join(study, study.c.id == version.c.study_id)
    # Participants of other studies are as good as not there.
    .where(study.c.slug == bindparam("slug"))
)
_BY_TOKEN = _PERSON.where(participant.c.token_hash == bindparam("hash"))
_BY_ID = _PERSON.where(participant.c.id == bindparam("id"))
_BY_PLATFORM = _PERSON.join(
    platform_identity, platform_identity.c.participant_id == participant.c.id
).where(
    platform_identity.c.study_id == study.c.id,
    platform_identity.c.platform == bindparam("platform"),
    platform_identity.c.platform_id == bindparam("platform_id"),
)
_LOCKED = {
    wanted: wanted.with_for_update(of=participant, key_share=True)
    for wanted in (_BY_TOKEN, _BY_ID, _BY_PLATFORM)
}


def find(
    connection: Connection, versions: Versions, ticket: Ticket, *, lock: bool = False
) -> Place:
    """Where a ticket leads.

    Args:
        connection: of a transaction.
        versions: read before.
        ticket: from the address.
        lock: whether nobody else may change the participant until the transaction ends.
    """
    if not _possible(ticket):
        return _UNKNOWN
    here = _Search(connection, ticket.slug, lock)
    if ticket.me:
        return here.place(_BY_TOKEN, hash=token_hash(ticket.me)) or _UNKNOWN
    study_id = connection.scalar(select(study.c.id).where(study.c.slug == ticket.slug))
    if study_id is None:
        return _UNKNOWN
    if ticket.preview:
        return _newcomer(connection, versions, study_id, preview=True)
    if ticket.invite:
        return _invited(here, versions, ticket, study_id)
    if ticket.platform_id:
        ids = {"platform": ticket.platform, "platform_id": ticket.platform_id}
        known = here.place(_BY_PLATFORM, **ids)
        if known is not None:
            return known
    return _newcomer(connection, versions, study_id)


@dataclass(frozen=True)
class _Search:
    """Looks for a participant of one study."""

    connection: Connection
    slug: str
    lock: bool

    def place(self, wanted: Select[Any], **values: Any) -> Place | None:
        """Where the participant is, or None if there is none."""
        statement = _LOCKED[wanted] if self.lock else wanted
        row = self.connection.execute(statement, {"slug": self.slug, **values}).first()
        if row is None:
            return None
        person = Person(*row)
        return Place("trial", person.study_id, person.version_id, person)


def lock_study(connection: Connection, ticket: Ticket) -> None:
    """Let no other newcomer of the ticket's study in until the transaction ends."""
    if _possible(ticket):
        row = select(study.c.id).where(study.c.slug == ticket.slug)
        connection.execute(row.with_for_update(key_share=True))


def _possible(ticket: Ticket) -> bool:
    texts = [str(value) for value in vars(ticket).values()]
    return all(storable(text) and len(text) <= LONGEST for text in texts)


def _invited(here: _Search, versions: Versions, ticket: Ticket, study_id: int) -> Place:
    found = here.connection.execute(
        select(invitation.c.id, invitation.c.participant_id, invitation.c.expires_at).where(
            invitation.c.token_hash == token_hash(ticket.invite),
            invitation.c.study_id == study_id,
        )
    ).first()
    if found is None:
        return _UNKNOWN
    if found.participant_id is not None:
        return here.place(_BY_ID, id=found.participant_id) or _UNKNOWN
    if found.expires_at is not None and found.expires_at <= datetime.now(UTC):
        return Place("expired", study_id)
    place = _newcomer(here.connection, versions, study_id)
    return Place(place.kind, study_id, place.version_id, invitation_id=found.id)


def _newcomer(
    connection: Connection, versions: Versions, study_id: int, *, preview: bool = False
) -> Place:
    numbered = version.c.number == PREVIEW if preview else version.c.number > PREVIEW
    newest = connection.execute(
        select(version.c.id, version.c.closed_at)
        .where(version.c.study_id == study_id, numbered)
        .order_by(version.c.number.desc())
        .limit(1)
    ).first()
    if newest is None:
        return Place("not_open", study_id)
    design = versions.get(connection, newest.id).design
    kind: ScreenKind = "consent"
    if not preview:
        kind = _screen_for_newcomers(connection, newest.id, newest.closed_at, design)
    return Place(kind, study_id, newest.id)


def _screen_for_newcomers(
    connection: Connection, version_id: int, closed_at: datetime | None, design: Design
) -> ScreenKind:
    now = datetime.now(UTC)
    if closed_at is not None:
        return "closed"
    if design.opens_at is not None and now < moment(design.opens_at):
        return "not_open"
    if design.closes_at is not None and now >= moment(design.closes_at):
        return "closed"
    if design.target is not None:
        done = select(func.count()).where(
            participant.c.version_id == version_id, participant.c.ending == "completed"
        )
        if (connection.scalar(done) or 0) >= design.target:
            return "full"
    return "consent"
