"""What an asker sees of the tasks that the engine computes for it."""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from xai_core.cache import Result
from xai_core.jobs.outlook import Need, Outlook
from xai_core.jobs.pace import Countdown, Kind, Rates, Run, kind
from xai_core.jobs.task import Task

AHEAD = 100  # tasks that are looked at one by one to tell who is next
FORGIVEN = 3  # times; one that ends its process before it can say that it has begun seems blameless


class Results(Mapping[str, Result]):
    """What a job has computed so far, by key of the task.

    What the cache keeps is read from there each time; a result that it has dropped since is
    missing when it is read.
    """

    def __init__(
        self, held: Mapping[str, Result | None], find: Callable[[str], Result | None]
    ) -> None:
        self._held = held
        self._find = find

    def __getitem__(self, key: str) -> Result:
        found = self._held[key]
        if found is None:
            found = self._find(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._held))

    def __len__(self) -> int:
        return len(self._held)


class Job:
    """Tasks that one user asked for together. Every attribute may be read at any time.

    Made by ``Engine.submit``; the methods after ``release`` belong to the engine.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        owner: str,
        on_cancel: Callable[[], None] = lambda: None,
        find: Callable[[str], Result | None] = lambda key: None,
        look: Callable[[Job], Outlook] = lambda job: Outlook(),
    ) -> None:
        self.owner = owner
        self._tasks = {task.key: task for task in tasks}
        self._waiting = OrderedDict(self._tasks)  # in a dict, the first is found by a search
        # Costs of what waits by kind, so that thousands of tasks need not be looked at.
        self._costs: dict[Kind, list[float]] = {}
        for task in self._waiting.values():
            self._count(task, 1)
        self._running: dict[str, Run] = {}
        self._results: dict[str, Result | None] = {}  # None: in the cache
        self._find = find
        self._look = look
        self._countdown = Countdown()
        self._errors: dict[str, str] = {}
        self._cost = _cost(self._tasks)
        self._finished = 0.0  # the cost of what has ended
        self._lost: set[str] = set()
        self._spared: Counter[str] = Counter()
        self._cancelled = False
        self._released: float | None = None
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
    def results(self) -> Results:
        """What has been computed so far, by key of the task; it grows while tasks end."""
        return Results(self._results, self._find)

    @property
    def errors(self) -> dict[str, str]:
        """One sentence for each task that failed, by key of the task."""
        with self._lock:
            return dict(self._errors)

    @property
    def fraction(self) -> float:
        """Share of the whole cost that is finished, 0 to 1."""
        with self._lock:
            if self._ended.is_set() and not self._cancelled:
                return 1.0
            return min(1.0, self._finished_cost() / self._cost)

    @property
    def outlook(self) -> Outlook:
        """Its time left and what lies before it, with what other users' jobs take.

        The time left is that to be shown: it does not jump when the estimate does.
        """
        if self._ended.is_set():
            return Outlook(0.0)
        found = self._look(self)  # without the lock, because that asks all jobs
        with self._lock:
            return replace(found, left=self._countdown.shown(found.left, time.monotonic()))

    def need(self, rates: Rates) -> Need | None:
        """What it still needs of workers' time; None if the rates tell too little."""
        now = time.monotonic()
        with self._lock:
            kinds = list(self._costs)
            each = [
                (count, rates.seconds(one, cost / count))
                for one, (count, cost) in self._costs.items()
            ]
            running = [
                one.left(_seconds(self._tasks[key], rates), now)
                for key, one in self._running.items()
            ]
            ahead = [_seconds(task, rates) for task in islice(self._waiting.values(), AHEAD)]
            last = [_seconds(task, rates) for task in islice(reversed(self._waiting.values()), 1)]
        if None in [*running, *ahead, *last, *(seconds for _, seconds in each)]:
            return None
        parts = [seconds for seconds in running if seconds is not None]
        return Need(
            running=sum(parts),
            waiting=sum(count * seconds for count, seconds in each if seconds is not None),
            longest=max(parts, default=0.0),
            ahead=tuple(seconds for seconds in ahead if seconds is not None),
            last=sum(seconds for seconds in last if seconds is not None),
            sure=all(rates.measured(one) for one in kinds),
        )

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
            self._costs.clear()
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
            self._costs.clear()
            self._cost = _cost(self._tasks)
            self._end_if_complete()

    @property
    def released_s(self) -> float:
        """Seconds since ``release``; 0 before."""
        with self._lock:
            return 0.0 if self._released is None else time.monotonic() - self._released

    def next(self, without: Container[str]) -> Task | None:
        """The first that nobody has begun, but for some keys."""
        with self._lock:
            return next((task for key, task in self._waiting.items() if key not in without), None)

    def waits(self, key: str | None = None) -> bool:
        """Whether the task of ``key``, or any, has not been begun."""
        with self._lock:
            return bool(self._waiting) if key is None else key in self._waiting

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
            if not self._unqueue(task.key):
                return False
            self._running[task.key] = Run(time.monotonic())
            return True

    def progress(self, task: Task, share: float) -> None:
        """Note that ``share`` of a running task, 0 to 1, is finished."""
        with self._lock:
            if task.key in self._running:
                self._running[task.key].tell(share, time.monotonic())

    def finish(self, task: Task, outcome: Result | str | None) -> None:
        """Note the result of a task, or the sentence that says why there is none.

        Args:
            task: the one that has ended.
            outcome: None for a result that the cache keeps.
        """
        key = task.key
        with self._lock:
            if self._cancelled or key not in self._tasks:
                return
            if key not in self._results and key not in self._errors:
                self._finished += self._tasks[key].cost
            self._unqueue(key)
            self._running.pop(key, None)
            if isinstance(outcome, str):
                self._errors[key] = outcome
            else:
                self._results[key] = outcome
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
                self._waiting[task.key] = task
                self._waiting.move_to_end(task.key, last=False)
                self._count(task, 1)
            else:
                del self._tasks[task.key]
                self._cost = _cost(self._tasks)
                self._end_if_complete()
            return True

    def abandon(self, sentence: str) -> None:
        """Note that all that is not finished failed for a reason."""
        with self._lock:
            for key in [*self._running, *self._waiting]:
                self.finish(self._tasks[key], sentence)

    def run(self, task: Task) -> Run | None:
        """How far a task is that a worker has; None if none has it."""
        with self._lock:
            return self._running.get(task.key)

    def _unqueue(self, key: str) -> bool:
        """Take a task out of those that wait; whether it was among them."""
        task = self._waiting.pop(key, None)
        if task is not None:
            self._count(task, -1)
        return task is not None

    def _count(self, task: Task, number: int) -> None:
        """Count a task among those that wait, or, with -1, no longer."""
        one = kind(task)
        counted = self._costs.setdefault(one, [0, 0.0])
        counted[0] += number
        counted[1] += number * task.cost
        if not counted[0]:
            del self._costs[one]

    def _finished_cost(self) -> float:
        under_way = (self._tasks[key].cost * one.share for key, one in self._running.items())
        return self._finished + sum(under_way)

    def _end_if_complete(self) -> None:
        if not self._waiting and not self._running:
            self._ended.set()


def _seconds(task: Task, rates: Rates) -> float | None:
    return rates.seconds(kind(task), task.cost)


def _cost(tasks: Mapping[str, Task]) -> float:
    return sum(task.cost for task in tasks.values())
