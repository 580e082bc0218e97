"""Transactions on the studies' database: SQLite in a file, or PostgreSQL.

SQLite runs in WAL mode with ``synchronous=FULL``: an answer that was acknowledged is on the disk.
Its writers queue in this process, first come, first served, and begin with ``BEGIN IMMEDIATE``:
SQLite itself lets whoever asks luckily go first, and refuses a reader that turns into a writer.
"""

from __future__ import annotations

import functools
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from platformdirs import user_data_path
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy import exc as failures

from xai_core.errors import StudyError, StudyUnavailableError

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_FILE = "studies.sqlite"
_BEGIN = "xai_begin"  # execution option: how SQLite begins the transaction
_AGAIN_S = (0.01, 0.05, 0.2)
# PostgreSQL's codes for "another transaction was in the way": serialisation, deadlock.
_IN_THE_WAY = {"40001", "40P01"}
AWAY = (
    "The studies' database cannot be reached at the moment. Nothing that was saved is lost; "
    "please try again in a minute."
)
_DAMAGED = (
    "The file of the studies' database is damaged, or is no database. Put a backup in its place."
)
_PATIENT = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5}


class ConflictError(StudyUnavailableError):
    """Another step was in the way at the same moment; the same step may be tried again."""


class FairLock:
    """A lock that is given to whoever has waited longest."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    def acquire(self, timeout: float) -> bool:
        """Wait for one's turn; False if it did not come within ``timeout`` seconds."""
        with self._mutex:
            if not self._held:
                self._held = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(timeout):
            return True
        with self._mutex:
            if turn.is_set():  # the turn came between the two lines above
                return True
            self._waiting.remove(turn)
        return False

    def release(self) -> None:
        """Hand the lock to the next in the queue."""
        with self._mutex:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False


_locks: dict[str, FairLock] = {}
_locks_mutex = threading.Lock()


def data_folder() -> Path:
    """``XAI_STUDIES`` if it is set, otherwise a place in the platform's data folder."""
    given = os.environ.get("XAI_STUDIES")
    return Path(given) if given else user_data_path("xai-workbench", appauthor=False)


def database_url(given: str | None = None) -> URL:
    """The database's address: as given, else ``XAI_DATABASE_URL``, else a file of SQLite.

    Raises:
        StudyError: it is no address of a SQLite file or a PostgreSQL database.
    """
    text = given or os.environ.get("XAI_DATABASE_URL") or ""
    if not text:
        return URL.create("sqlite", database=str((data_folder() / _FILE).absolute()))
    try:
        url = make_url(text)
    except (failures.ArgumentError, ValueError):
        raise StudyError("XAI_DATABASE_URL is not the address of a database.") from None
    kind = url.drivername.partition("+")[0]
    if kind in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    if kind != "sqlite":
        raise StudyError("Studies are kept in SQLite or PostgreSQL; the address names another.")
    if not url.database or url.database == ":memory:":
        raise StudyError("Studies need a database that stays: name a file after sqlite:///.")
    return url.set(drivername="sqlite", database=str(Path(url.database).absolute()))


class Database:
    """Connections to one database, safe for threads.

    Args:
        url: from ``database_url``.
        patience: seconds to wait for another writer before giving up.
    """

    def __init__(self, url: URL, patience: float = 10.0) -> None:
        self.url = url
        self.patience = patience
        self.file = Path(url.database or "") if url.drivername == "sqlite" else None
        self.engine = _sqlite(url, patience) if self.file else _postgresql(url)
        self._writer = self.engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        with _locks_mutex:
            self._lock = _locks.setdefault(str(url), FairLock())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that changes nothing and sees one state of the database.

        Raises:
            StudyUnavailableError: the database cannot be reached.
        """
        with as_sentences(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, foreign_keys: bool = True) -> Iterator[Connection]:
        """A transaction that is on the disk when the block has ended, or has not happened.

        Args:
            foreign_keys: False lets a migration replace a SQLite table that others refer to.

        Raises:
            StudyUnavailableError: the database cannot be reached, or others write for too long.
        """
        with self.turn(), as_sentences(), self._writer.connect() as connection:
            if not foreign_keys:
                set_pragma(connection, "foreign_keys=OFF")
            try:
                with connection.begin():
                    yield connection
            finally:
                if not foreign_keys:
                    set_pragma(connection, "foreign_keys=ON")

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only writer of this process; PostgreSQL needs none of this."""
        if self.file is None:
            yield
            return
        if not self._lock.acquire(self.patience):
            raise StudyUnavailableError(AWAY)
        try:
            yield
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let go of all connections; the next transaction opens new ones."""
        self.engine.dispose()


def retried(step: Callable[P, T]) -> Callable[P, T]:
    """Run a step again, a few times, when another one was in its way."""

    @functools.wraps(step)
    def stubborn(*args: P.args, **kwargs: P.kwargs) -> T:
        for pause in _AGAIN_S:
            try:
                return step(*args, **kwargs)
            except ConflictError as conflict:
                log.info("Tried again: %s", conflict.__cause__)
                time.sleep(pause)
        return step(*args, **kwargs)

    return stubborn


@contextmanager
def as_sentences() -> Iterator[None]:
    """Turn the database's failures into sentences; mistakes in a statement stay what they are."""
    try:
        yield
    except failures.TimeoutError as error:
        raise StudyUnavailableError(AWAY) from error
    except failures.DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) in _IN_THE_WAY:
            raise ConflictError(AWAY) from error
        if isinstance(error, failures.IntegrityError):
            raise ConflictError(AWAY) from error
        code = getattr(error.orig, "sqlite_errorcode", None)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise StudyError(_DAMAGED) from error
        mistake = code == sqlite3.SQLITE_ERROR
        away = isinstance(error, failures.OperationalError | failures.InterfaceError)
        if (away and not mistake) or error.connection_invalidated:
            log.warning("The studies' database failed: %s", error.orig)
            raise StudyUnavailableError(AWAY) from error
        raise


def _sqlite(url: URL, patience: float) -> Engine:
    folder = Path(url.database or "").parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(f"The folder {folder} for the studies cannot be made: {error}.") from error
    engine = create_engine(
        url,
        connect_args={"timeout": patience, "check_same_thread": False},
        pool_size=10,
        max_overflow=90,
        pool_timeout=patience,
    )

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _record: Any) -> None:
        # Python's sqlite3 would otherwise begin transactions itself, later than it should.
        connection.isolation_level = None
        for setting in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {setting}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        connection.exec_driver_sql(options.get(_BEGIN, "BEGIN"))

    return engine


def set_pragma(connection: Connection, setting: str) -> None:
    """Set what SQLite ignores inside a transaction: past SQLAlchemy, which begins one."""
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(f"PRAGMA {setting}").close()


def _postgresql(url: URL) -> Engine:
    try:
        return create_engine(
            url,
            # Prepared statements do not survive a connection pooler between us and the server.
            connect_args={**_PATIENT, "prepare_threshold": None},
            pool_size=10,
            max_overflow=20,
            pool_timeout=10,
            pool_pre_ping=True,
        )
    except ModuleNotFoundError as error:
        raise StudyError(f"PostgreSQL needs the Python package {error.name}.") from None
