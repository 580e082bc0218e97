"""The engine: one queue, shared fairly, in front of workers that can be killed."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from distributed import Future, KilledWorker

from xai_core.cache import Cache
from xai_core.errors import JobError, XaiError
from xai_core.jobs.cluster import Cluster, LostError
from xai_core.jobs.exchange import Answer, ElsewhereError, Sender, keep, without_parts
from xai_core.jobs.failures import DIED, LOST, VANISHED, failed, sentence, too_large
from xai_core.jobs.forecast import Forecast
from xai_core.jobs.job import Job
from xai_core.jobs.queue import Queue
from xai_core.jobs.starting import memory_bytes, one_per_card, worker_count
from xai_core.jobs.task import Task

log = logging.getLogger(__name__)

POLL_S, SHORT_POLL_S = 0.02, 0.001
TICK_S = 0.2
IDLE_TICK_S = 1.0
YOUNG_LOOK_S = 0.05
GRACE_S = 10.0  # well above what it costs to restart a worker, and to load its model again
YOUNG_S = 1.0  # what outgrows its worker within it may have found the memory full already


@dataclass
class _Running:
    job: Job
    task: Task
    worker: str
    future: Future[Answer]
    begun: bool = False  # whether its worker has told something of it
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long it has held its worker."""
        return time.monotonic() - self.began


class Engine:
    """Runs tasks in worker processes, one per worker at a time.

    Owners who wait get equal time, so that one user's thousand long tasks do not hold up another's
    ten short ones; and of several workers no owner holds the last, so that one task that is being
    computed does not either. A task stops only when its worker is restarted, which is what
    ``Job.cancel`` does. One that is lost with its worker, its result or the connection is done
    once more by itself; only what is lost again costs a sentence. Starting the workers takes some
    seconds, in the background: what is submitted meanwhile waits.

    Args:
        workers: local worker processes; None takes ``XAI_WORKERS``, or one for every graphics
            card, or 1. Ignored when ``XAI_SCHEDULER`` names a Dask scheduler, whose workers need
            this package, a nanny and ``--nthreads 1``.
        memory_limit: for one local worker, in bytes or as "4 GiB"; None takes
            ``XAI_WORKER_MEMORY``, or 60 % of the machine's memory shared by the workers.
        cache: where results are looked up and kept; ``Cache()`` if not given.

    Raises:
        JobError: the number of workers or the memory limit cannot be read.
    """

    def __init__(
        self,
        workers: int | None = None,
        memory_limit: str | int | None = None,
        cache: Cache | None = None,
    ) -> None:
        self.cache = Cache() if cache is None else cache
        self._workers = worker_count() if workers is None else workers
        self._memory = memory_limit
        memory_bytes(memory_limit, self._workers or 1)  # what cannot be read is told at once
        self._queue = Queue()
        self._running: dict[str, _Running] = {}
        self._forecast = Forecast(self._queue, self._running)
        self._topic = f"xai-{uuid.uuid4().hex}"
        self._sender = Sender(self.cache, self._topic)
        self._apart: set[str] = set()  # workers that do not see the cache's folder
        self._shaken = False  # whether a worker may have gone since they were looked at
        self._cluster: Cluster | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="xai-engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def submit(self, tasks: Sequence[Task], owner: str) -> Job:
        """Queue ``tasks`` for ``owner``; what the cache holds is finished when this returns.

        Raises:
            JobError: the engine has been closed.
        """
        job = Job(tasks, owner, self._wake.set, self.cache.get, self._forecast.outlook)
        for task in job.waiting():
            if task.key in self.cache:
                job.finish(task, None)
        with self._lock:
            if self._closing.is_set():
                raise JobError("The compute engine has been closed.")
            self._queue.add(job)
        self._wake.set()
        return job

    def first(self, job: Job) -> None:
        """Do a job, and what its owner asks for from now on, before the owner's other jobs."""
        self._queue.first(job)

    def close(self) -> None:
        """Cancel everything and end the workers; safe to call twice."""
        with self._lock:
            self._closing.set()
        self._wake.set()
        self._thread.join()
        atexit.unregister(self.close)

    @property
    def closed(self) -> bool:
        """Whether ``close`` has been called."""
        return self._closing.is_set()

    def _started(self) -> Cluster:
        if self._workers is None:
            self._workers = 1 if os.environ.get("XAI_SCHEDULER") else one_per_card()
        memory = memory_bytes(self._memory, self._workers)
        return Cluster(self._workers, memory, self._topic, self._progress)

    def _serve(self) -> None:
        wanted = True  # the workers start before anybody asks
        while not self._closing.is_set():
            try:
                if self._cluster is None and wanted:
                    self._cluster = self._started()
                if self._cluster is not None:
                    self._turn(self._cluster)
            # Whatever a breaking connection raises: without this thread everybody waits for ever.
            except Exception as error:
                log.error("The compute engine is being reset", exc_info=error)
                self._reset(error)
            self._pause()
            self._queue.forget({running.job.owner for running in self._running.values()})
            wanted = bool(self._queue)
        for job in self._queue.jobs():
            job.cancel()
        if self._cluster is not None:
            self._cluster.close()
        self._sender.close()

    def _pause(self) -> None:
        """Wait until something is asked for or has ended, or it is time to look around."""
        began = time.monotonic()
        until = began + (TICK_S if self._queue else IDLE_TICK_S)
        # Future.add_done_callback would save the polling, but fails at interpreter exit.
        while not any(running.future.done() for running in self._running.values()):
            now = time.monotonic()
            left = until - now
            # What is short is asked for often, so that it takes not much longer.
            poll = min(left, POLL_S, max(SHORT_POLL_S, (now - began) / 5))
            if left <= 0 or self._wake.wait(poll if self._running else left):
                break
        self._wake.clear()

    def _turn(self, cluster: Cluster) -> None:
        """Collect what has ended, stop what nobody wants, hand out what is next."""
        if not cluster.alive:
            raise JobError("The compute engine has ended.")
        if not self._running and not self._queue:
            return
        present = cluster.workers(YOUNG_LOOK_S)
        if len(self._running) >= len(present):
            self._make_room()
        for ticket, running in list(self._running.items()):
            if running.future.done():
                self._settle(running, cluster)
            elif running.job.state == "cancelled":
                cluster.stop(running.future, running.worker)
                self._shaken = True
            elif running.worker not in present:
                running.future.cancel()
                self._died(running, cluster)
            else:
                continue
            del self._running[ticket]
            self._queue.charge(running.job.owner, running.seconds)
        self._forecast.present(present)
        busy = {running.worker for running in self._running.values()}
        if self._shaken:  # a worker that died meanwhile must not be given another task
            self._shaken = False
            present = cluster.workers()
        for worker in present:
            if worker not in busy:
                self._hand_out(worker, cluster, max(1, len(present) - 1))

    def _make_room(self) -> None:
        """Give up what is being computed for nobody while somebody waits for a worker."""
        released = [one for one in self._running.values() if one.job.released_s > GRACE_S]
        if not released:
            return
        waiting = [job for job in self._queue.jobs() if job.waits()]
        for running in released:
            if waiting and not any(job.waits(running.task.key) for job in waiting):
                running.job.cancel()

    def _settle(self, running: _Running, cluster: Cluster) -> None:
        outcome = cluster.outcome(running.future)
        if isinstance(outcome, Answer):
            self._forecast.ended(running)
            self._deliver(running, outcome)
        elif isinstance(outcome, ElsewhereError):
            self._send_whole(running)
        elif isinstance(outcome, KilledWorker):
            self._died(running, cluster)
        elif isinstance(outcome, LostError):
            self._lost(running, VANISHED)
        else:
            limit = cluster.memory_limit(running.worker)
            running.job.finish(running.task, sentence(outcome, running.task, limit))

    def _deliver(self, running: _Running, answer: Answer) -> None:
        """Pass on what the worker has computed, and keep what it could not keep itself."""
        task, result = running.task, answer.result
        if result is None and not self.cache.on_disk(task.key):
            self._send_whole(running)
            return
        if result is not None and not answer.kept:
            try:
                on_disk = keep(self.cache, task.key, result)
            except (TypeError, ValueError) as error:  # what has no place in the cache
                running.job.finish(task, failed(task, error))
                return
            result = None if on_disk and not result.parts else without_parts(result)
        # Parts may have been there before, with less in them.
        for key in result.facts.get("parts", ()) if result is not None and answer.kept else ():
            self.cache.reread(key)
        running.job.finish(task, result)
        if result is not None:  # for all who wait: it will not be found in the cache as a whole
            for job in self._queue.jobs():
                if job.waits(task.key):
                    job.finish(task, result.copy())

    def _send_whole(self, running: _Running) -> None:
        """Do a task once more: its worker and the engine do not see the same cache."""
        self._apart.add(running.worker)
        self._lost(running, VANISHED, blameless=True)

    def _died(self, running: _Running, cluster: Cluster) -> None:
        """What becomes of a task whose worker died: memory that it took itself is its own fault."""
        self._shaken = True
        if cluster.died_of_memory(running.worker):
            reason = too_large(cluster.memory_limit(running.worker))
            if running.seconds > YOUNG_S:
                running.job.finish(running.task, reason)
            else:
                self._lost(running, reason)
        else:
            # Handed to a process that was already dying, or ended because of another task.
            self._lost(running, DIED, not running.begun or cluster.was_stopped(running.worker))

    def _lost(self, running: _Running, reason: str, blameless: bool = False) -> None:
        self._shaken = True
        if running.job.again(running.task, blameless):
            log.info("The task %s was lost and is done once more", running.task.function)
        else:
            running.job.finish(running.task, reason)

    def _next(self, most: int) -> tuple[Job, Task] | None:
        """The next task of who has had the least time and has fewer than ``most`` running."""
        held = Counter(running.job.owner for running in self._running.values())
        seconds: dict[str, float] = defaultdict(float)
        for running in self._running.values():
            seconds[running.job.owner] += running.seconds
        # A task that is being computed for somebody else is in the cache when its turn comes.
        computing = {running.task.key for running in self._running.values()}
        full = {owner for owner, count in held.items() if count >= most}
        return self._queue.next(seconds, full, computing)

    def _hand_out(self, worker: str, cluster: Cluster, most: int) -> None:
        while (chosen := self._next(most)) is not None:
            job, task = chosen
            if task.key in self.cache:
                job.finish(task, None)
            elif job.begin(task):
                ticket = uuid.uuid4().hex
                try:
                    parcel = self._sender.parcel(task, ticket, worker in self._apart)
                    future = cluster.start(parcel, worker)
                except (TypeError, ValueError, AttributeError) as error:  # it cannot be sent
                    job.finish(task, failed(task, error))
                    continue
                self._running[ticket] = _Running(job, task, worker, future)
                return

    def _progress(self, ticket: str, share: float) -> None:
        running = self._running.get(ticket)
        # None before it is entered or after it has ended; unseen, it is forgiven one more death.
        if running is not None:
            running.begun = True
            running.job.progress(running.task, share)

    def _reset(self, error: BaseException) -> None:
        """Forget a cluster that does not answer; the next turn starts another."""
        cluster, self._cluster = self._cluster, None
        for job in self._queue.jobs():
            if cluster is None:
                told = error if isinstance(error, XaiError) else "The compute engine cannot start."
                job.abandon(str(told))
                continue
            for task in job.running():
                if not job.again(task):
                    job.finish(task, LOST)
        self._running.clear()
        self._apart.clear()
        if cluster is not None:
            cluster.close()


_shared: Engine | None = None
_shared_lock = threading.Lock()


def shared_engine() -> Engine:
    """The engine of this process, made on first use; it starts in the background."""
    global _shared
    with _shared_lock:
        if _shared is None or _shared.closed:
            _shared = Engine()
        return _shared
