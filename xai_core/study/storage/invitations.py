"""Personal links: each leads to one participant, however often it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from xai_core.errors import StudyError
from xai_core.study.storage.publishing import locked_study
from xai_core.study.storage.schema import invitation, study
from xai_core.study.storage.tokens import new_token, token_hash
from xai_core.study.texts import storable

MOST_AT_ONCE = 10_000


@dataclass(frozen=True)
class Invitation:
    """A personal link, without its secret, which is not stored.

    Attributes:
        label: the researcher's note, such as a name.
        created_at: when it was made.
        expires_at: until when somebody can begin with it, or None.
        used: whether somebody began.
    """

    label: str
    created_at: datetime
    expires_at: datetime | None
    used: bool


def invite(
    connection: Connection,
    slug: str,
    count: int,
    labels: Sequence[str] | None,
    expires_at: datetime | None,
) -> list[tuple[str, str]]:
    """Make invitations.

    Returns:
        Label and token of each; the token cannot be had again.

    Raises:
        StudyError: no such study, or the count or a label cannot be.
    """
    if not 1 <= count <= MOST_AT_ONCE:
        raise StudyError(f"The number of invitations must lie from 1 to {MOST_AT_ONCE}.")
    if labels is not None and len(labels) != count:
        raise StudyError(f"There are {len(labels)} labels for {count} invitations.")
    if not all(storable(label) and len(label) <= 200 for label in labels or ()):
        raise StudyError("A label is longer than 200 characters or cannot be stored.")
    study_id = locked_study(connection, slug)
    pairs = [(label, new_token()) for label in labels or [""] * count]
    facts = {"study_id": study_id, "created_at": datetime.now(UTC), "expires_at": expires_at}
    rows = [{**facts, "label": label, "token_hash": token_hash(token)} for label, token in pairs]
    connection.execute(insert(invitation), rows)
    return pairs


def invitations(connection: Connection, slug: str) -> list[Invitation]:
    """A study's invitations, oldest first."""
    found = connection.execute(
        select(
            invitation.c.label,
            invitation.c.created_at,
            invitation.c.expires_at,
            invitation.c.participant_id.is_not(None),
        )
        .join(study)
        .where(study.c.slug == slug)
        .order_by(invitation.c.id)
    )
    return [Invitation(*row) for row in found]
