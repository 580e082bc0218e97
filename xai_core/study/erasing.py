"""Makes deleted rows unreadable in files: freed pages, the write-ahead log, backups."""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from xai_core.errors import StudyError, StudyUnavailable
from xai_core.study.backup import backup_folder
from xai_core.study.database import Database

log = logging.getLogger(__name__)


def erase_leftovers(database: Database) -> None:
    """Write SQLite's file anew and empty its log: deleted rows may stay behind in both.

    Raises:
        StudyUnavailable: others used the database all the time.
    """
    if database.file is None:
        return
    deadline = time.monotonic() + database.patience
    with database.turn():
        while not _rewritten(database):
            if time.monotonic() > deadline:
                raise StudyUnavailable(
                    "The rows are deleted, but traces may stay in the database's file while other "
                    "programs have it open. Close them and run: study backup"
                )
            time.sleep(0.05)


def _rewritten(database: Database) -> bool:
    try:
        with closing(sqlite3.connect(str(database.file), timeout=database.patience)) as plain:
            plain.isolation_level = None
            plain.execute("PRAGMA secure_delete=ON").close()
            plain.execute("VACUUM").close()
            busy = plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            return not busy
    except sqlite3.OperationalError as error:
        log.info("The database's file is in use: %s", error)
        return False


def erase_in_backups(database: Database, withdrawal_hash: str, consented_at: datetime) -> bool:
    """Delete a participant from the backups in the backup folder.

    A SQLite copy loses the participant's rows. A dump of PostgreSQL cannot be changed: each that
    may hold the participant is deleted.

    Returns:
        Whether a dump was deleted.

    Raises:
        StudyError: a backup could not be changed.
    """
    folder = backup_folder(database)
    try:
        if database.file is not None:
            for path in sorted(folder.glob("*.sqlite*")):
                _erase_in_copy(path, withdrawal_hash)
            return False
        dumps = dumps_since(folder, consented_at)
        for path in dumps:
            path.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise StudyError(f"A backup still holds the participant: {error}.") from error
    return bool(dumps)


def dumps_since(folder: Path, moment: datetime) -> list[Path]:
    """Dumps that were finished after a moment."""
    return [
        path
        for path in sorted(folder.glob("*.dump*"))
        if path.stat().st_mtime >= moment.timestamp()
    ]


def _erase_in_copy(path: Path, withdrawal_hash: str) -> None:
    with closing(sqlite3.connect(path)) as copy:
        copy.isolation_level = None
        for setting in ("secure_delete=ON", "foreign_keys=ON"):
            copy.execute(f"PRAGMA {setting}").close()
        gone = copy.execute("DELETE FROM participant WHERE withdrawal_hash = ?", (withdrawal_hash,))
        if gone.rowcount:
            copy.execute("VACUUM").close()
