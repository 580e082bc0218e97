"""The participant's side: one step of one participant is one transaction.

Whatever is shown follows from what is stored, so a reload, a second tab, another device or a
restart of the server lead to the same place. A step that was done already changes nothing when it
comes again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, insert, update

from xai_core.errors import StudyError
from xai_core.study.participation.admission import Person, Place, find, lock_study
from xai_core.study.participation.answering import ELSEWHERE, mark_served, open_trial, store_answer
from xai_core.study.participation.enrolment import enrol, withdrawal_code
from xai_core.study.participation.questions import checked_answers, screened_out
from xai_core.study.participation.screens import ClientTimes, Screen, Ticket
from xai_core.study.participation.stage import Trials, change, screen, stage_after, trials_of
from xai_core.study.storage import withdrawal
from xai_core.study.storage.database import retried
from xai_core.study.storage.schema import background, version
from xai_core.study.storage.tokens import token_hash
from xai_core.study.storage.versions import Frozen
from xai_core.study.texts import storable

if TYPE_CHECKING:
    from xai_core.study.storage.store import Store

LONGEST_KEY = 100
_UNKNOWN = "This link leads to no study. Please check that it is complete."


class TakingPart:
    """What participants can do, and nothing else.

    Args:
        store: the researcher's side, whose database and versions are used.
    """

    def __init__(self, store: Store) -> None:
        self._database = store.database
        self._versions = store.versions_read

    def look(self, ticket: Ticket) -> Screen:
        """What this address shows now. Opening it changes nothing and uses nothing up."""
        with self._database.reading() as connection:
            return self._screen(connection, find(connection, self._versions, ticket), ticket)

    @retried
    def visited(self, ticket: Ticket) -> None:
        """Count a newcomer who sees the consent; the caller does so once per browser session."""
        with self._database.writing() as connection:
            place = find(connection, self._versions, ticket)
            if place.kind == "consent":
                self._count(connection, place, "visits")

    @retried
    def consent(self, ticket: Ticket, agreed: bool) -> Screen:
        """Begin, or decline: then only a counter changes.

        Returns:
            The next screen; for a new participant with the token, which is given here alone, and
            the withdrawal code. After declining, the end without an ending.
        """
        with self._database.writing() as connection:
            # Newcomers of a study go one after the other: numbers are given once, pictures are
            # balanced, and two windows with the same link make one participant.
            lock_study(connection, ticket)
            place = find(connection, self._versions, ticket)
            if place.kind != "consent":
                return self._screen(connection, place, ticket)
            frozen = self._versions.get(connection, place.version_id)
            if not agreed:
                self._count(connection, place, "declined")
                return Screen("ended", frozen.public)
            person, me, code = enrol(connection, ticket, place, frozen.design)
            begun = screen(frozen, person, [])
        return replace(begun, me=me, withdrawal=code)

    @retried
    def background(self, ticket: Ticket, answers: dict[str, str]) -> Screen:
        """Answer the background questions, once.

        Raises:
            StudyError: an answer lacks, or is none of those offered.
        """
        with self._database.writing() as connection:
            person, frozen = self._here(connection, ticket)
            if person.stage == "background":
                given = checked_answers(frozen.design.background, answers)
                rows = [
                    {"participant_id": person.id, "question_id": name, "value": value}
                    for name, value in given.items()
                ]
                if rows:
                    connection.execute(insert(background), rows)
                now = datetime.now(UTC)
                changes: dict[str, Any] = {"background_at": now, "stage": "instructions"}
                if screened_out(frozen.design.background, given):
                    changes |= {"stage": "ended", "ended_at": now, "ending": "screened_out"}
                person = change(connection, person, changes)
            return _of(ticket, frozen, person, trials_of(connection, person.id))

    @retried
    def instructed(self, ticket: Ticket) -> Screen:
        """Go on from the instructions to the first trial."""
        with self._database.writing() as connection:
            person, frozen = self._here(connection, ticket)
            if person.stage == "instructions":
                now = datetime.now(UTC)
                changes: dict[str, Any] = {"instructed_at": now, "stage": "practice"}
                if not frozen.public.practice:
                    changes |= {"practised_at": now, "stage": "trials"}
                person = change(connection, person, changes)
            return _of(ticket, frozen, person, trials_of(connection, person.id))

    @retried
    def serve(self, ticket: Ticket) -> Screen:
        """Like ``look``, and record when the present trial was first shown."""
        with self._database.reading() as connection:
            place = find(connection, self._versions, ticket)
            if place.person is None:
                return self._screen(connection, place, ticket)
            shown = open_trial(place.person, trials_of(connection, place.person.id))
            if shown is None or shown.served_at is not None:
                return self._screen(connection, place, ticket)
        with self._database.writing() as connection:
            person, frozen = self._here(connection, ticket)
            trials = trials_of(connection, person.id)
            trials = mark_served(connection, person, trials, datetime.now(UTC))
            return _of(ticket, frozen, person, trials)

    @retried
    def answer(
        self, ticket: Ticket, trial: int, choice: str, key: str, client: ClientTimes
    ) -> Screen:
        """Answer the present trial. An answer that is there already is acknowledged, unchanged.

        Args:
            ticket: from the address.
            trial: ``ShownTrial.id``.
            choice: a letter, or one of ``ESCAPES``.
            key: of the caller's own making, the same whenever this answer is sent again.
            client: what the browser measured.

        Returns:
            The next screen; the answer is on the disk, or another one to this trial is, which
            ``Screen.elsewhere`` tells.

        Raises:
            StudyError: the trial is not the participant's or not the present one, the choice is
                none of those offered, or the key was used for something else.
        """
        if not (0 < len(key) <= LONGEST_KEY and storable(key)):
            raise StudyError("This answer has no valid key.")
        with self._database.writing() as connection:
            person, frozen = self._here(connection, ticket)
            trials = trials_of(connection, person.id)
            if any(each.idempotency_key == key for each in trials):
                return _of(ticket, frozen, person, trials)
            own = next((each for each in trials if each.id == trial), None)
            if own is None or (own.choice is None and own != open_trial(person, trials)):
                raise StudyError(ELSEWHERE)
            if own.choice is not None:
                return replace(_of(ticket, frozen, person, trials), elsewhere=True)
            now = datetime.now(UTC)
            given = store_answer(connection, person, own, choice, key, client, now)
            trials = [given if each is own else each for each in trials]
            # The next trial is shown at once: marked here, it needs no transaction of its own.
            trials = mark_served(connection, person, trials, now)
            person = change(connection, person, stage_after(person, trials, now, frozen.design))
            return _of(ticket, frozen, person, trials)

    def withdraw(self, code: str) -> bool:
        """Delete everything about the participant with this withdrawal code, backups included.

        Returns:
            False if there is no such participant.
        """
        return withdrawal.withdraw(self._database, token_hash(code))

    def withdraw_me(self, ticket: Ticket) -> bool:
        """The same for the participant whose personal address this is."""
        with self._database.reading() as connection:
            place = find(connection, self._versions, ticket)
        if place.person is None:
            return False
        return withdrawal.withdraw(self._database, place.person.withdrawal_hash)

    def _here(self, connection: Connection, ticket: Ticket) -> tuple[Person, Frozen]:
        place = find(connection, self._versions, ticket, lock=True)
        if place.person is None:
            raise StudyError(_UNKNOWN)
        return place.person, self._versions.get(connection, place.version_id)

    def _screen(self, connection: Connection, place: Place, ticket: Ticket) -> Screen:
        if not place.version_id:
            return Screen(place.kind)
        frozen = self._versions.get(connection, place.version_id)
        if place.person is None:
            return Screen(place.kind, frozen.public)
        return _of(ticket, frozen, place.person, trials_of(connection, place.person.id))

    def _count(self, connection: Connection, place: Place, what: str) -> None:
        counter = version.c[what]
        where = version.c.id == place.version_id
        connection.execute(update(version).where(where).values({counter: counter + 1}))


def _of(ticket: Ticket, frozen: Frozen, person: Person, trials: Trials) -> Screen:
    """What a participant sees now, with the withdrawal code."""
    return replace(screen(frozen, person, trials), withdrawal=withdrawal_code(ticket, person))
