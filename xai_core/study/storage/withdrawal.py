"""Deletes a participant everywhere: in the database, its files, and the backups made of it."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select

from xai_core.errors import StudyError
from xai_core.study.storage.backup import backup
from xai_core.study.storage.database import Database, retried
from xai_core.study.storage.erasing import empty_log, erase_in_backups
from xai_core.study.storage.schema import participant, study, version

log = logging.getLogger(__name__)


def withdraw(database: Database, withdrawal_hash: str) -> bool:
    """Delete everything about a participant.

    Args:
        database: and the backups in its backup folder.
        withdrawal_hash: hash of the participant's withdrawal code.

    Returns:
        False if there is no such participant.

    Raises:
        StudyError: a backup could not be changed; then nothing else was deleted, and the code
            works again once the cause is mended.
    """
    consented_at = _consented_at(database, withdrawal_hash)
    if consented_at is None:
        return False
    deleted = erase_in_backups(database, withdrawal_hash, consented_at)
    _delete(database, withdrawal_hash)
    empty_log(database)
    # Once more, for a backup that was begun before the deletion.
    deleted |= erase_in_backups(database, withdrawal_hash, consented_at)
    if deleted:
        _replace(database)
    return True


def withdraw_numbered(database: Database, slug: str, version_number: int, number: int) -> bool:
    """The same for a participant who asked the researcher; False if there is none."""
    wanted = (
        select(participant.c.withdrawal_hash)
        .select_from(participant)
        .join(version)
        .join(study, study.c.id == version.c.study_id)
        .where(
            study.c.slug == slug,
            version.c.number == version_number,
            participant.c.number == number,
        )
    )
    with database.reading() as connection:
        found = connection.scalar(wanted)
    return found is not None and withdraw(database, found)


def _consented_at(database: Database, withdrawal_hash: str) -> datetime | None:
    wanted: Any = select(participant.c.consented_at).where(
        participant.c.withdrawal_hash == withdrawal_hash
    )
    with database.reading() as connection:
        found: datetime | None = connection.scalar(wanted)
        return found


@retried
def _delete(database: Database, withdrawal_hash: str) -> None:
    with database.writing() as connection:
        connection.execute(
            delete(participant).where(participant.c.withdrawal_hash == withdrawal_hash)
        )


def _replace(database: Database) -> None:
    """A new backup where others had to go: the researcher must not be left without any."""
    try:
        backup(database, note="-after-withdrawal")
    except StudyError as error:
        log.warning("Backups that held a participant are gone, and no new one was made: %s", error)
