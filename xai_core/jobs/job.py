"""What is asked of the engine, and what its asker sees of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from xai_core.cache import Result

FORGIVEN = 3  # times; one that ends its process before it can say that it has begun seems blameless


@dataclass(frozen=True)
class Task:
    """One computation, small enough that a user waits for it.

    Attributes:
        key: content key of the result (``xai_core.cache.content_key``).
        run: what a worker calls, a function of a module.
        arguments: its keyword arguments, plain data.
        cost: expected effort beside the other tasks of the job, in any unit above 0.
        title: what people read while it runs.
        kept: whether the result goes to the cache, and so to the disk.
    """

    key: str
    run: Callable[..., Result]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cost: float = 1.0
    title: str = ""
    kept: bool = True

    @property
    def function(self) -> str:
        """``run`` as "module:name", for what must not import it: the scheduler, for example."""
        return f"{self.run.__module__}:{self.run.__qualname__}"


class Job:
    """Tasks that one user asked for together. Every attribute may be read at any time.

    Made by ``Engine.submit``; the methods after ``release`` belong to the engine.
    """

    def __init__(
        self, tasks: Sequence[Task], owner: str, on_cancel: Callable[[], None] = lambda: None
    ) -> None:
        self.owner = owner
        self._tasks = {task.key: task for task in tasks}
        self._waiting = dict(self._tasks)
        self._running: dict[str, float] = {}
        self._results: dict[str, Result] = {}
        self._errors: dict[str, str] = {}
        self._lost: set[str] = set()
        self._spared: Counter[str] = Counter()
        self._cancelled = False
        self._released: float | None = None
        self._started: tuple[float, float] | None = None
        self._on_cancel = on_cancel
        self._ended = threading.Event()
        self._lock = threading.RLock()
        self._end_if_complete()

    @property
    def state(self) -> str:
        """One of "waiting", "running", "done" and "cancelled"; with errors, too, it is done."""
        with self._lock:
            if self._cancelled:
                return "cancelled"
            if self._ended.is_set():
                return "done"
            begun = self._running or self._results or self._errors
            return "running" if begun else "waiting"

    @property
    def done(self) -> bool:
        """Whether nothing more will come, be it done or cancelled."""
        return self._ended.is_set()

    @property
    def results(self) -> dict[str, Result]:
        """What has been computed so far, by key of the task."""
        with self._lock:
            return dict(self._results)

    @property
    def errors(self) -> dict[str, str]:
        """One sentence for each task that failed, by key of the task."""
        with self._lock:
            return dict(self._errors)

    @property
    def fraction(self) -> float:
        """Share of the whole cost that is finished, 0 to 1."""
        with self._lock:
            total = sum(task.cost for task in self._tasks.values())
            return self._finished_cost() / total if total else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the pace since the first task started; None if unknown.

        The pace contains what other users' jobs take; results from the cache do not count.
        """
        with self._lock:
            if self._ended.is_set():
                return 0.0
            if self._started is None:
                return None
            began, cost_before = self._started
            finished = self._finished_cost()
            gained = finished - cost_before
            total = sum(task.cost for task in self._tasks.values())
            elapsed = time.monotonic() - began
            return elapsed * (total - finished) / gained if gained > 0 else None

    @property
    def current(self) -> str:
        """Title of a task that is running now, or ""."""
        with self._lock:
            return next((self._tasks[key].title for key in self._running), "")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most ``timeout`` seconds for the end; whether it has come."""
        return self._ended.wait(timeout)

    def cancel(self) -> None:
        """Drop what is waiting and stop what is running; finished results stay."""
        with self._lock:
            if self._ended.is_set():
                return
            self._cancelled = True
            self._waiting.clear()
            self._running.clear()
            self._ended.set()
        self._on_cancel()

    def release(self) -> None:
        """Drop what is waiting; what is running may finish, for the cache's sake.

        It may as long as nobody waits for its worker, and for ``engine.GRACE_S`` in any case.
        """
        with self._lock:
            if self._released is None:
                self._released = time.monotonic()
            for key in self._waiting:
                del self._tasks[key]
            self._waiting.clear()
            self._end_if_complete()

    @property
    def released_s(self) -> float:
        """Seconds since ``release``; 0 before."""
        with self._lock:
            return 0.0 if self._released is None else time.monotonic() - self._released

    def waiting(self) -> list[Task]:
        """Tasks that nobody has begun."""
        with self._lock:
            return list(self._waiting.values())

    def running(self) -> list[Task]:
        """Tasks that a worker has."""
        with self._lock:
            return [self._tasks[key] for key in self._running]

    def begin(self, task: Task) -> bool:
        """Note that a worker has ``task``; False if the job no longer wants it."""
        with self._lock:
            if self._waiting.pop(task.key, None) is None:
                return False
            self._running[task.key] = 0.0
            if self._started is None:
                self._started = (time.monotonic(), self._finished_cost())
            return True

    def progress(self, task: Task, share: float) -> None:
        """Note that ``share`` of a running task, 0 to 1, is finished."""
        with self._lock:
            if task.key in self._running:
                self._running[task.key] = min(max(share, self._running[task.key]), 1.0)

    def finish(self, task: Task, outcome: Result | str) -> None:
        """Note the result of a task, or the sentence that says why there is none."""
        with self._lock:
            if self._cancelled or task.key not in self._tasks:
                return
            self._waiting.pop(task.key, None)
            self._running.pop(task.key, None)
            if isinstance(outcome, Result):
                self._results[task.key] = outcome
            else:
                self._errors[task.key] = outcome
            self._end_if_complete()

    def again(self, task: Task, blameless: bool = False) -> bool:
        """Put back a running task whose worker or result is gone, so that it is the next.

        Args:
            task: the one that was lost.
            blameless: whether it seems to have had no part in it; that is forgiven some times.

        Returns:
            False if it had been lost before: nothing is changed.
        """
        with self._lock:
            if task.key not in self._running:  # cancelled
                return True
            if blameless and self._spared[task.key] < FORGIVEN:
                self._spared[task.key] += 1
            elif task.key in self._lost:
                return False
            else:
                self._lost.add(task.key)
            del self._running[task.key]
            if self._released is None:
                self._waiting = {task.key: task, **self._waiting}
            else:
                del self._tasks[task.key]
                self._end_if_complete()
            return True

    def abandon(self, sentence: str) -> None:
        """Note that all that is not finished failed for a reason."""
        with self._lock:
            for key in [*self._running, *self._waiting]:
                self.finish(self._tasks[key], sentence)

    def _finished_cost(self) -> float:
        whole = sum(self._tasks[key].cost for key in (*self._results, *self._errors))
        return whole + sum(self._tasks[key].cost * share for key, share in self._running.items())

    def _end_if_complete(self) -> None:
        if not self._waiting and not self._running:
            self._ended.set()
