"""Copies of the whole database, taken while it is in use."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from xai_core.errors import StudyError
from xai_core.study.storage.database import Database, data_folder

_NO_PG_DUMP = (
    "A backup of a PostgreSQL database needs the program pg_dump, which is not installed here. "
    "Install PostgreSQL's client programs (Debian: apt install postgresql-client)."
)
UNFINISHED = ".unfinished"
_WITHOUT = "XAI_UPGRADE_WITHOUT_BACKUP"


def backup_folder(database: Database) -> Path:
    """Where copies go: beside a SQLite file, otherwise in the data folder."""
    place = database.file.parent if database.file is not None else data_folder()
    return place / "backups"


def backup(database: Database, path: Path | None = None, note: str = "") -> Path:
    """Copy the whole database; others go on reading and writing meanwhile.

    Args:
        database: to copy.
        path: of the copy, which must not exist; a dated file in ``backup_folder`` if not given.
        note: for the dated file's name.

    Returns:
        Where the copy is: a SQLite file, or PostgreSQL's custom format for ``pg_restore``.

    Raises:
        StudyError: the copy could not be made.
    """
    ending = ".sqlite" if database.file is not None else ".dump"
    if path is None:
        moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
        path = backup_folder(database) / f"studies-{moment}{note}{ending}"
    if path.exists():
        raise StudyError(f"{path} exists already; name another file.")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        if database.file is not None:
            _copy_sqlite(database.file, unfinished)
        else:
            _dump_postgresql(database, unfinished)
        os.replace(unfinished, path)
    except FileNotFoundError:
        raise StudyError(
            "A participant withdrew during the backup; please start it again."
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def before_upgrade(database: Database, revision: str) -> None:
    """The backup that every upgrade of a database with content begins with."""
    if database.file is None and shutil.which("pg_dump") is None and os.environ.get(_WITHOUT):
        return
    try:
        backup(database, note=f"-before-upgrade-from-{revision}")
    except StudyError as error:
        raise StudyError(
            f"The studies' database must be upgraded, and a backup comes first. {error}"
        ) from error


def _copy_sqlite(source: Path, target: Path) -> None:
    target.touch(mode=0o600)
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as read,
            closing(sqlite3.connect(target)) as write,
        ):
            read.backup(write)  # all pages in one step: one state, whoever writes meanwhile
            # A copy in WAL mode would be three files; as one it can be carried away.
            write.execute("PRAGMA journal_mode=DELETE").close()
            found = write.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as error:
        raise StudyError(f"The backup could not be made: {error}.") from error
    if found != "ok":
        raise StudyError(f"The backup is damaged, and so may be the database: {found}.")


def _dump_postgresql(database: Database, target: Path) -> None:
    program = shutil.which("pg_dump")
    if program is None:
        raise StudyError(_NO_PG_DUMP)
    address = database.url.set(drivername="postgresql", password=None)
    target.touch(mode=0o600)
    environment = dict(os.environ)
    if database.url.password:
        environment["PGPASSWORD"] = str(database.url.password)
    words = [program, "--format=custom", "--no-owner", f"--file={target}"]
    done = subprocess.run(
        [*words, f"--dbname={address.render_as_string()}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise StudyError(f"The backup could not be made: {done.stderr.strip()}")
