"""The connection to the workers: a local process by default, an existing cluster otherwise."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from importlib.util import find_spec
from typing import Any

import dask
from distributed import Client, Future

from xai_core.errors import JobError
from xai_core.jobs.exchange import Answer, Parcel
from xai_core.jobs.starting import START_S, Local
from xai_core.jobs.worker import kill, run

CONNECT_S = 30.0
GONE_S = 10.0
EVENT_S = 0.5
FETCH_S = 30.0
MEMORY_EVENT = "worker-restart-memory"  # the name that Dask gives it
STOP_EVENT = "xai-worker-stopped"
PACKAGE = "xai_core"
NO_PACKAGE = (
    "{} cannot import xai_core: start it again with the folder that holds xai_core in PYTHONPATH."
)


class LostError(Exception):
    """A task has ended, and its result is nowhere."""


class Cluster:
    """Workers of one thread each, every one of them watched over by a Dask nanny.

    Args:
        workers: number of local workers; ignored when ``XAI_SCHEDULER`` names a scheduler.
        memory: most bytes per local worker.
        topic: name of this engine's progress events.
        progress: called with (ticket, share) in another thread.

    Raises:
        JobError: the cluster cannot be started or reached, or is none that can compute this.
    """

    def __init__(
        self, workers: int, memory: int, topic: str, progress: Callable[[str, float], None]
    ) -> None:
        dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GiB"})
        remote = os.environ.get("XAI_SCHEDULER")
        self._local = None if remote else Local(workers, memory)
        self._outgrown: set[str] = set()
        self._stopped: set[str] = set()
        self._kept: set[str] = set()
        self._checked: set[str] = set()
        self._seen = time.monotonic()
        self._asked = 0.0
        self._threads: dict[str, int] = {}
        self._limits: dict[str, int | None] = {}
        self.address = self._local.address if self._local else str(remote)
        try:
            self._client = Client(self.address, set_as_default=False, timeout=CONNECT_S)
        except OSError as error:
            if self._local:
                self._local.close()
            raise JobError(f"The compute cluster at {self.address} cannot be reached.") from error
        self._progress = progress
        self._client.subscribe_topic(topic, self._hear)
        self._client.subscribe_topic(
            MEMORY_EVENT, lambda event: self._outgrown.add(event[1]["worker"])
        )
        self._client.subscribe_topic(
            STOP_EVENT, lambda event: self._stopped.add(event[1]["worker"])
        )
        if remote:
            problem = self._problem()
            if problem:
                self.close()
                raise JobError(problem)

    def _problem(self) -> str:
        """What an existing cluster lacks, in a sentence; "" if nothing."""
        # It is asked for what comes with Python, because it may not know this package.
        if self._client.run_on_scheduler(find_spec, PACKAGE) is None:
            return NO_PACKAGE.format(f"The scheduler at {self.address}")
        found = self._look()
        if any(threads != 1 for threads in found.values()):
            # Restarting such a worker to end one task would end another.
            return "Every worker of the cluster must be started with '--nthreads 1'."
        return self._without_package(list(found))

    def _without_package(self, workers: list[str]) -> str:
        """A sentence if there is one among them that would die of its first task; else ""."""
        asked = self._client.run(find_spec, PACKAGE, workers=workers, on_error="return")
        self._checked.update(workers)
        lacking = [address for address, spec in asked.items() if spec is None]
        return NO_PACKAGE.format(f"The worker at {lacking[0]}") if lacking else ""

    @property
    def alive(self) -> bool:
        """Whether the workers can be reached.

        A client that is connecting has lost its connection, and with it all that was under way.
        """
        local = self._local is None or self._local.alive
        return local and self._client.status == "running"

    def _hear(self, event: Any) -> None:
        """What a worker tells of its task."""
        told = event[1]
        if told.get("kept"):
            self._kept.add(told["ticket"])
        self._progress(told["ticket"], told["share"])

    def workers(self, age: float = 0.0) -> list[str]:
        """Addresses of the workers that are there now.

        Args:
            age: seconds for which a former answer is good enough.

        Raises:
            JobError: the local ones have not been there for three minutes, or a new one cannot
                compute anything.
        """
        found = self._threads if time.monotonic() - self._asked < age else self._look()
        new = [] if self._local else [one for one in found if one not in self._checked]
        problem = self._without_package(new) if new else ""
        if problem:
            raise JobError(problem)
        if found:
            self._seen = time.monotonic()
        elif self._local and time.monotonic() - self._seen > START_S:
            raise JobError("The compute worker does not start; the server's log says why.")
        return [address for address, threads in found.items() if threads == 1]

    def _look(self) -> dict[str, int]:
        """Threads of each worker that is there; notes their memory limits."""
        # Not Client.scheduler_info: the client overwrites its answer every two seconds, with one
        # that names no workers, and keeps an old one when the scheduler cannot be reached.
        known = self._ask("identity", n_workers=-1)["workers"]
        self._limits.update({address: facts["memory_limit"] for address, facts in known.items()})
        self._threads = {address: facts["nthreads"] for address, facts in known.items()}
        self._asked = time.monotonic()
        return self._threads

    def _ask(self, question: str, **arguments: Any) -> Any:
        """What the scheduler itself answers."""
        call = getattr(self._client.scheduler, question)
        return self._client.sync(call, **arguments)

    def memory_limit(self, worker: str) -> int:
        """Most bytes that a worker, living or dead, may use; 0 if it has no limit."""
        return self._limits.get(worker) or 0

    def start(self, parcel: Parcel, worker: str) -> Future[Answer]:
        """Hand a task to ``worker``."""
        for ended in (self._outgrown, self._stopped):
            ended.discard(worker)  # an earlier one had the same port
        return self._client.submit(
            run,
            parcel,
            key=f"{parcel.topic}-{parcel.ticket}",
            workers=[worker],
            allow_other_workers=False,
            retries=0,
            pure=False,
        )

    def stop(self, future: Future[Answer], worker: str) -> None:
        """Stop a running task by restarting its worker; returns when the old one is gone."""
        future.cancel()
        deadline = time.monotonic() + GONE_S
        # A task handed out before the scheduler knows would die with the old worker.
        while worker in self._look() and time.monotonic() < deadline:
            # Every nanny is asked: the scheduler fails at the name of a worker that went away by
            # itself after the question. Those of other workers do nothing.
            self._client.run(kill, worker, STOP_EVENT, nanny=True, on_error="ignore")
            time.sleep(0.01)

    def outcome(self, future: Future[Answer]) -> Answer | BaseException:
        """What a future that is done holds: the worker's answer, or why there is none.

        ``LostError`` if the worker that held the result is gone, or the connection was lost.
        """
        ticket = str(future.key).rpartition("-")[2]
        if ticket in self._kept:  # nothing is left to be fetched
            self._kept.discard(ticket)
            return Answer(None, kept=True)
        try:
            if future.status == "error":
                return future.exception(timeout=FETCH_S) or LostError()
            # Not Future.result: where nobody holds it any longer, that waits for it for ever.
            answer = self._ask("gather", keys=[future.key], callback_timeout=FETCH_S)
        except (TimeoutError, CancelledError):
            return LostError()
        if answer["status"] != "OK":
            return LostError()
        found: Answer = answer["data"][future.key]
        return found

    def died_of_memory(self, worker: str) -> bool:
        """Whether that worker, now dead, had been ended for using too much memory."""
        deadline = time.monotonic() + EVENT_S
        while worker not in self._outgrown and time.monotonic() < deadline:
            time.sleep(0.02)
        return worker in self._outgrown

    def was_stopped(self, worker: str) -> bool:
        """Whether that worker, now dead, had been ended to stop a task, by whichever engine."""
        return worker in self._stopped

    def close(self) -> None:
        """Let go of the workers; local ones end."""
        self._client.close(timeout=2)
        if self._local:
            self._local.close()
