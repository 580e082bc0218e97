"""A newcomer becomes a participant: number, tokens and plan, in one transaction."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from xai_core.study.design import Design
from xai_core.study.participation.admission import Person, Place
from xai_core.study.participation.screens import Ticket
from xai_core.study.storage.schema import invitation, participant, platform_identity, trial, version
from xai_core.study.storage.tokens import derived_token, new_token, token_hash
from xai_core.study.trial_plan import Use, plan

_IDENTITY = ("platform", "platform_id", "platform_study", "platform_session")


def enrol(
    connection: Connection, ticket: Ticket, place: Place, design: Design
) -> tuple[Person, str, str]:
    """Make the participant. The caller holds the study's lock, so that numbers are given once.

    Returns:
        The participant, the token, and the withdrawal code.
    """
    token, seed = new_token(), secrets.randbits(63)
    withdrawal = _withdrawal_code(replace(ticket, me=token), seed)
    number = connection.scalar(
        update(version)
        .where(version.c.id == place.version_id)
        .values(enrolled=version.c.enrolled + 1)
        .returning(version.c.enrolled)
    )
    row: dict[str, Any] = {
        "version_id": place.version_id,
        "number": number,
        "seed": seed,
        "source": _source(ticket),
        "token_hash": token_hash(token),
        "withdrawal_hash": token_hash(withdrawal),
        "stage": "background" if design.background else "instructions",
        "consent_version": design.consent.version,
        "consented_at": datetime.now(UTC),
    }
    made = connection.scalars(insert(participant).values(row).returning(participant.c.id)).one()
    _plan(connection, design, place.version_id, made, seed)
    if place.invitation_id is not None:
        used = update(invitation).where(invitation.c.id == place.invitation_id)
        connection.execute(used.values(participant_id=made))
    if row["source"] == "platform":
        identity = {name: getattr(ticket, name) for name in _IDENTITY}
        identity |= {"participant_id": made, "study_id": place.study_id}
        connection.execute(insert(platform_identity).values(identity))
    facts = (made, place.version_id, place.study_id, row["stage"], None, None)
    return Person(*facts, row["withdrawal_hash"], seed), token, withdrawal


def withdrawal_code(ticket: Ticket, person: Person) -> str:
    """A participant's withdrawal code; "" where this address is another than the first one."""
    code = _withdrawal_code(ticket, person.seed)
    return code if token_hash(code) == person.withdrawal_hash else ""


def _withdrawal_code(ticket: Ticket, seed: int) -> str:
    """What follows from the address and the participant's seed.

    The database has the seed and only the hashes of links' tokens, so that the code can be told
    to its owner again and to nobody else.
    """
    secret = ticket.invite or ticket.platform_id or ticket.me
    return derived_token("withdrawal", str(seed), ticket.platform, secret)


def _source(ticket: Ticket) -> str:
    if ticket.invite and not ticket.preview:
        return "personal"
    return "platform" if ticket.platform_id and not ticket.preview else "shared"


def _plan(
    connection: Connection, design: Design, version_id: int, participant_id: int, seed: int
) -> None:
    trials = plan(design, seed, _uses(connection, version_id), f"version {version_id}")
    rows = [
        {
            "participant_id": participant_id,
            "position": position,
            "kind": each.kind,
            "image": each.image,
            "slot": each.slot,
            "arrangement": list(each.arrangement),
            "expected": " ".join(each.expected) or None,
        }
        for position, each in enumerate(trials)
    ]
    connection.execute(insert(trial), rows)


def _uses(connection: Connection, version_id: int) -> dict[str, Use]:
    """How every picture was used by all participants but those who were screened out.

    Who was screened out saw nothing, and who has withdrawn is gone: the places that they leave
    free in a picture's list are given to others.
    """
    saw = (participant.c.version_id == version_id) & (
        participant.c.ending.is_distinct_from("screened_out")
    )
    counted = trial.c.kind != "instructed"
    seen = select(
        trial.c.image,
        func.count(),
        func.count(trial.c.slot.distinct()),
        func.max(trial.c.slot),
    )
    rows = connection.execute(
        seen.join(participant).where(saw, counted).group_by(trial.c.image)
    ).all()
    uses = {}
    for image, count, slots, last in rows:
        slot = last + 1
        if slots < slot:  # somebody left a place free
            taken = select(trial.c.slot).join(participant).where(saw, counted)
            found = set(connection.scalars(taken.where(trial.c.image == image)))
            slot = next(each for each in range(slot) if each not in found)
        uses[image] = Use(count, slot)
    return uses
