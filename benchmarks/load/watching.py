"""How busy processes are, and what a database has committed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil
from sqlalchemy import func, select, text

from xai_core.study import Store
from xai_core.study.storage.schema import answer

IDLE = 0.1  # CPU seconds a second


@dataclass(frozen=True)
class Moment:
    """What was used until a moment.

    Attributes:
        clock: seconds.
        servers: CPU seconds of the servers and what they have started.
        client: CPU seconds of this process.
        memory: bytes that the servers hold, without what they have started.
        commits: as the database counts them, or transactions that must have been committed.
    """

    clock: float
    servers: float
    client: float
    memory: int
    commits: int


def now(store: Store, servers: Sequence[int]) -> Moment:
    """Look at servers, at this process and at the database."""
    processes = [psutil.Process(pid) for pid in servers]
    return Moment(
        time.monotonic(),
        sum(_cpu(process) for process in processes),
        time.process_time(),
        sum(process.memory_info().rss for process in processes),
        commits(store),
    )


def rest(servers: Sequence[int], longest: float = 60.0) -> None:
    """Wait until servers have done what they do at their start."""
    deadline = time.monotonic() + longest
    processes = [psutil.Process(pid) for pid in servers]
    while time.monotonic() < deadline:
        before = sum(_cpu(process) for process in processes)
        time.sleep(1)
        if sum(_cpu(process) for process in processes) - before < IDLE:
            return


def commits(store: Store) -> int:
    """Transactions that were committed so far; on SQLite the answers, each of which is one."""
    with store.database.reading() as connection:
        if store.database.file is not None:
            return int(connection.scalar(select(func.count()).select_from(answer)) or 0)
        counted = text(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        return int(connection.scalar(counted) or 0)


def durability(store: Store) -> str:
    """What the database does before it calls a transaction committed."""
    with store.database.reading() as connection:
        if store.database.file is None:
            names = ("fsync", "synchronous_commit", "server_version")
            found = [f"{name} {connection.scalar(text(f'SHOW {name}'))}" for name in names]
            return "PostgreSQL: " + ", ".join(found)
        level = int(connection.scalar(text("PRAGMA synchronous")) or 0)
        journal = connection.scalar(text("PRAGMA journal_mode"))
        word = ("OFF", "NORMAL", "FULL", "EXTRA")[level]
        return f"SQLite: synchronous {word}, journal {journal}"


def _cpu(process: psutil.Process) -> float:
    total: float = sum(process.cpu_times()[:2])
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            total += sum(child.cpu_times()[:2])
    return total
