"""Who is next: jobs that wait, and how much of the workers' time each owner has had."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping

from xai_core.jobs.job import Job
from xai_core.jobs.task import Task


class Queue:
    """Open jobs by owner, oldest first; owners get equal time. Safe for threads.

    How many tasks wait makes no difference to what an answer costs.
    """

    def __init__(self) -> None:
        self._jobs: dict[str, OrderedDict[Job, None]] = {}
        self._seconds: dict[str, float] = {}  # of workers' time
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        with self._lock:
            return any(not job.done for jobs in self._jobs.values() for job in jobs)

    def add(self, job: Job) -> None:
        """Put a job behind those of its owner; a newcomer is not owed the past."""
        with self._lock:
            self._jobs.setdefault(job.owner, OrderedDict())[job] = None
            self._seconds.setdefault(job.owner, min(self._seconds.values(), default=0.0))

    def jobs(self) -> list[Job]:
        """All that are open, of every owner."""
        with self._lock:
            return [job for jobs in self._jobs.values() for job in jobs if not job.done]

    def charge(self, owner: str, seconds: float) -> None:
        """Note that a worker has worked for an owner."""
        with self._lock:
            self._seconds[owner] = self._seconds.get(owner, 0.0) + seconds

    def next(
        self, under_way: Mapping[str, float], full: Collection[str], computing: Collection[str]
    ) -> tuple[Job, Task] | None:
        """The next task of who has had the least time.

        Args:
            under_way: seconds of what is being computed, by owner.
            full: owners who may not have more workers.
            computing: keys of what is being computed: it is in the cache when its turn comes.
        """
        with self._lock:
            total = {who: had + under_way.get(who, 0.0) for who, had in self._seconds.items()}
            for owner in sorted(total, key=total.__getitem__):
                found = None if owner in full else self._first(owner, computing)
                if found is not None:
                    return found
        return None

    def _first(self, owner: str, computing: Collection[str]) -> tuple[Job, Task] | None:
        found, ended = None, []
        jobs = self._jobs.get(owner, OrderedDict())
        for job in jobs:
            if job.done:
                ended.append(job)
                continue
            task = job.next(computing)
            if task is not None:
                found = job, task
                break
        for job in ended:  # each is passed over once
            del jobs[job]
        return found

    def forget(self, holding: Collection[str]) -> None:
        """Forget owners who neither wait nor are among those ``holding`` a worker."""
        with self._lock:
            for owner in list(self._seconds):
                jobs = self._jobs.get(owner, OrderedDict())
                while jobs and (first := next(iter(jobs))).done:
                    del jobs[first]
                if not jobs and owner not in holding:
                    self._jobs.pop(owner, None)
                    del self._seconds[owner]
