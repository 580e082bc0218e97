"""Tasks that take a moment, such as reading a picture: done by a thread of this process.

In the engine's queue they would wait until a worker has finished what it computes, which may take
minutes, for something that a visitor expects at once.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

from xai_core.cache import Cache
from xai_core.errors import XaiError
from xai_core.jobs.engine import shared_engine
from xai_core.jobs.exchange import keep
from xai_core.jobs.failures import failed
from xai_core.jobs.job import Job
from xai_core.jobs.task import Task


class ThreadEngine:
    """Does tasks one at a time; jobs that wait take turns. It has the interface of ``Engine``.

    Args:
        cache: where results are looked up and kept.
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._jobs: deque[Job] = deque()
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, tasks: Sequence[Task], owner: str) -> Job:
        """Queue ``tasks`` for ``owner``; what the cache holds is finished when this returns."""
        job = Job(tasks, owner, find=self.cache.get)
        for task in job.waiting():
            if task.key in self.cache:
                job.finish(task, None)
        with self._wake:
            self._jobs.append(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="xai-light", daemon=True)
                self._thread.start()
            self._wake.notify()
        return job

    def _serve(self) -> None:
        while True:
            with self._wake:
                while not self._jobs:
                    self._wake.wait()
                job = self._jobs.popleft()
            task = job.next(())
            if task is not None and job.begin(task):
                self._do(job, task)
                with self._wake:
                    self._jobs.append(job)

    def _do(self, job: Job, task: Task) -> None:
        if task.key in self.cache:
            job.finish(task, None)
            return
        try:
            result = task.run(**task.arguments)
            job.finish(task, None if keep(self.cache, task.key, result) else result)
        except XaiError as error:
            job.finish(task, str(error))
        except Exception as error:  # noqa: BLE001 - without this thread everybody waits for ever
            job.finish(task, failed(task, error))


_shared: ThreadEngine | None = None
_lock = threading.Lock()


def shared_thread_engine() -> ThreadEngine:
    """The one of this process, with the cache of ``shared_engine``."""
    global _shared
    with _lock:
        cache = shared_engine().cache
        if _shared is None or _shared.cache is not cache:
            _shared = ThreadEngine(cache)
        return _shared
