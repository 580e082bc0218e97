"""Who is next: jobs that wait, and how much of the workers' time each owner has had."""

from __future__ import annotations

import math
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
        self._later: set[Job] = set()  # behind all others of their owner, later ones too
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        with self._lock:
            return any(not job.done for jobs in self._jobs.values() for job in jobs)

    def add(self, job: Job) -> None:
        """Put a job behind those of its owner; a newcomer is not owed the past."""
        with self._lock:
            jobs = self._jobs.setdefault(job.owner, OrderedDict())
            jobs[job] = None
            for later in [one for one in jobs if one in self._later] if self._later else ():
                jobs.move_to_end(later)
            self._seconds.setdefault(job.owner, min(self._seconds.values(), default=0.0))

    def first(self, job: Job) -> None:
        """Put a job, and what its owner asks for from now on, before the owner's other jobs."""
        with self._lock:
            jobs = self._jobs.get(job.owner, OrderedDict())
            if job in jobs:
                self._later.update(one for one in jobs if one is not job)
                self._later.discard(job)
                jobs.move_to_end(job, last=False)

    def jobs(self) -> list[Job]:
        """All that are open, of every owner."""
        with self._lock:
            return [job for jobs in self._jobs.values() for job in jobs if not job.done]

    def lines(self) -> dict[str, tuple[float, list[Job]]]:
        """Of every owner the workers' seconds so far, and the open jobs in their order."""
        with self._lock:
            return {
                owner: (had, [job for job in self._jobs.get(owner, ()) if not job.done])
                for owner, had in self._seconds.items()
            }

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
            self._drop(job)
        return found

    def forget(self, holding: Collection[str]) -> None:
        """Forget owners who neither wait nor are among those ``holding`` a worker.

        One who has had more than somebody who is there is known until that one has caught up:
        who asks for one thing after the other gets no more than who asks for all at once.
        """
        with self._lock:
            for jobs in self._jobs.values():
                while jobs and (first := next(iter(jobs))).done:
                    self._drop(first)
            there = {who for who in self._seconds if self._jobs.get(who) or who in holding}
            least = min((self._seconds[who] for who in there), default=math.inf)
            for owner in self._seconds.keys() - there:
                self._jobs.pop(owner, None)
                if self._seconds[owner] <= least:
                    del self._seconds[owner]

    def _drop(self, job: Job) -> None:
        del self._jobs[job.owner][job]
        self._later.discard(job)
