"""Brings the tables up to date, with a backup first, however many processes start at once."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from xai_core.errors import StudyError, StudyUnavailableError
from xai_core.study.storage.database import AWAY, Database, as_sentences, set_pragma
from xai_core.study.storage.schema import study

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x78616973747564  # an arbitrary number that only this product's upgrades use
_NEWER = (
    "The studies' database was made by a newer version of this program. Update the program, or "
    "name another database."
)


def upgrade(database: Database, backup: Callable[[str], object]) -> None:
    """Run the migrations that the database still lacks, all or none.

    Args:
        database: whose tables are brought up to date.
        backup: called with the revision to leave, before a database with content is changed.

    Raises:
        StudyError: the database is newer than this program.
        StudyUnavailableError: it cannot be reached.
    """
    scripts = ScriptDirectory(str(MIGRATIONS))
    head = scripts.get_current_head()
    if database.file is not None:
        _use_wal(database)
    with database.reading() as connection:
        if _revision(connection) == head:
            return
    with _alone(database) as connection:
        current = _revision(connection)
        if current == head:
            return
        if current is not None and current not in {
            each.revision for each in scripts.walk_revisions()
        }:
            raise StudyError(_NEWER)
        if current is not None and _has_content(connection):
            backup(current)
        settings = Config()
        settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _has_content(connection: Connection) -> bool:
    if not inspect(connection).has_table(study.name):
        return False
    return bool(connection.scalar(select(func.count()).select_from(study)))


def _use_wal(database: Database) -> None:
    """Switch to WAL for good. While another process does the same, SQLite refuses at once."""
    deadline = time.monotonic() + database.patience
    while True:
        try:
            with as_sentences(), database.engine.connect() as connection:
                set_pragma(connection, "journal_mode=WAL")
            return
        except (StudyUnavailableError, sqlite3.OperationalError) as error:
            if time.monotonic() > deadline:
                raise StudyUnavailableError(AWAY) from error
            time.sleep(0.05)


@contextmanager
def _alone(database: Database) -> Iterator[Connection]:
    """A transaction during which no other process can upgrade."""
    if database.file is None:
        with database.writing() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            yield connection
        return
    with database.writing(foreign_keys=False) as connection:
        yield connection
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StudyError("The upgrade would break the studies' database; nothing was changed.")
