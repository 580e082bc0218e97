"""Makes deleted rows unreadable in files: the database's own, its write-ahead log, backups.

SQLite overwrites deleted rows with zeros (``secure_delete``), but the log still holds the pages
as they were before. A dump of PostgreSQL cannot be changed, only deleted.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from contextlib import closing
from datetime import datetime
from pathlib import Path

from xai_core.errors import StudyError
from xai_core.study.storage.backup import UNFINISHED, backup_folder
from xai_core.study.storage.database import Database

log = logging.getLogger(__name__)

_PAUSE_S = 0.05


def empty_log(database: Database) -> bool:
    """Write SQLite's log into the file and cut it to nothing.

    Returns:
        False if somebody was reading all the time. The log is then overwritten bit by bit by
        those who write later.
    """
    if database.file is None:
        return True
    deadline = time.monotonic() + database.patience
    with database.turn():
        while not _emptied(database):
            if time.monotonic() > deadline:
                log.warning("%s-wal may hold deleted rows for a while.", database.file)
                return False
            time.sleep(_PAUSE_S)
    return True


def erase_in_backups(database: Database, withdrawal_hash: str, consented_at: datetime) -> bool:
    """Delete a participant from the backups in the backup folder.

    A SQLite copy loses the participant's rows. A dump of PostgreSQL is deleted if it was finished
    after the participant came.

    Returns:
        Whether a dump was deleted.

    Raises:
        StudyError: a backup could not be changed.
    """
    folder = backup_folder(database)
    try:
        # A backup that is being made fails when it finds its file gone; one that was killed
        # would lie there for ever.
        for path in folder.glob(f"*{UNFINISHED}*"):
            path.unlink(missing_ok=True)
        if database.file is not None:
            for path in sorted(folder.glob("*.sqlite")):
                _erase_in_copy(path, withdrawal_hash)
            return False
        dumps = _dumps_since(folder, consented_at)
        for path in dumps:
            path.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise StudyError(f"A backup still holds the participant: {error}.") from error
    return bool(dumps)


def _emptied(database: Database) -> bool:
    with closing(sqlite3.connect(str(database.file), timeout=database.patience)) as plain:
        try:
            busy = plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            log.info("The log cannot be emptied now: %s", error)
            return False
    return not busy


def _dumps_since(folder: Path, moment: datetime) -> list[Path]:
    dumps = sorted(folder.glob("*.dump"))
    return [path for path in dumps if path.stat().st_mtime >= moment.timestamp()]


def _erase_in_copy(path: Path, withdrawal_hash: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as copy:
        for setting in ("secure_delete=ON", "foreign_keys=ON"):
            copy.execute(f"PRAGMA {setting}").close()
        copy.execute("DELETE FROM participant WHERE withdrawal_hash = ?", (withdrawal_hash,))
