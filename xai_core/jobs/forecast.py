"""What the engine tells of its jobs' time left, from what it has measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Protocol

from xai_core.jobs.job import Job
from xai_core.jobs.outlook import Line, Outlook, outlook
from xai_core.jobs.pace import Pace, Rates, kind
from xai_core.jobs.queue import Queue
from xai_core.jobs.task import Task


class Held(Protocol):
    """A task that a worker has."""

    job: Job
    task: Task
    worker: str

    @property
    def seconds(self) -> float:
        """How long the worker has had it."""


class Forecast:
    """Measures every task that ends, and says how long those that are open will take.

    Args:
        queue: of the jobs.
        held: what workers have now; the engine changes it.
    """

    def __init__(self, queue: Queue, held: Mapping[str, Held]) -> None:
        self._queue = queue
        self._held = held
        self._pace = Pace()
        self._workers: Collection[str] = ()
        self._warm: set[tuple[str, str, str]] = set()  # worker, function and model

    def present(self, workers: Collection[str]) -> None:
        """Note which workers are there."""
        if set(workers) != set(self._workers):
            self._warm = {one for one in self._warm if one[0] in workers}
        self._workers = workers

    def ended(self, held: Held) -> None:
        """Note that a worker has computed a task.

        What a worker computes first with a model takes longer, because it loads what it needs:
        of that only the pace counts at which it went on.
        """
        one, run = kind(held.task), held.job.run(held.task)
        place = (held.worker, one.function, one.model)
        seconds: float | None = held.seconds
        if place not in self._warm:
            self._warm.add(place)
            seconds = None if run is None else run.steady
        if seconds is not None:
            self._pace.note(one, held.task.cost, seconds)

    def outlook(self, job: Job) -> Outlook:
        """What is to be said of an open job."""
        held, lines = list(self._held.values()), self._queue.lines()
        jobs = lines[job.owner][1] if job.owner in lines else []
        if job not in jobs:  # it is just being handed in, or has just ended
            return Outlook()
        under_way: dict[str, float] = defaultdict(float)
        for one in held:
            under_way[one.job.owner] += one.seconds
        rates = self._rates(held)
        needs = {
            owner: Line(had + under_way[owner], [one.need(rates) for one in asked])
            for owner, (had, asked) in lines.items()
        }
        return outlook(needs, job.owner, jobs.index(job), len(self._workers))

    def _rates(self, held: Collection[Held]) -> Rates:
        runs = [(one.task, one.job.run(one.task)) for one in held]
        return self._pace.rates(
            (kind(task), task.cost, run) for task, run in runs if run is not None
        )
