"""How long tasks take on this machine: what has been measured, and what that says of others."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from cachetools import LRUCache

from xai_core.jobs.task import Task

KINDS = 1000  # that are remembered
KEPT = 0.8  # of the weight of all earlier tasks, whenever one of the same kind has ended
RECENT = 0.15  # share of a task: what was before counts less and less for its pace
TRUSTED = 0.2  # share of a task after which its own pace alone counts
SPAN = 0.02  # share of a task over which its pace can be measured
ALIKE = 4.0  # times the cost of a measured task, up to which it says something of another kind
OVERDUE = 0.25  # what takes longer than expected is expected to take so much more of its time


class Kind(NamedTuple):
    """Tasks of which one tells how long another takes.

    Attributes:
        function: what a worker runs.
        model: the model among the arguments, as text.
        method: the method or methods among the arguments, as text.
        stated: whether the cost of the task says anything.
    """

    function: str
    model: str
    method: str
    stated: bool


def kind(task: Task) -> Kind:
    """The kind of a task, as far as its arguments tell it."""
    # What measures a map explains before, and has what it needs for that in one argument.
    inner = task.arguments.get("explained")
    told = {**(inner if isinstance(inner, Mapping) else {}), **task.arguments}
    method = told.get("method") or sorted(told.get("requests", ()))
    return Kind(task.function, repr(told.get("model")), repr(method), task.cost != 1.0)


class Rate(NamedTuple):
    """Seconds per unit of cost, as measured of tasks of some cost."""

    seconds: float
    cost: float


class Rates:
    """What has been measured of every kind, at one moment."""

    def __init__(self, measured: Mapping[Kind, Rate]) -> None:
        self._measured = measured
        self._by_model: dict[str, list[Rate]] = {}
        for one, rate in measured.items():
            if one.stated:
                self._by_model.setdefault(one.model, []).append(rate)

    def measured(self, one: Kind) -> bool:
        """Whether anything of this kind has been measured."""
        return one in self._measured

    def seconds(self, one: Kind, cost: float) -> float | None:
        """Seconds that a task of a kind and of this cost takes; None if too little is known.

        Where nothing of the kind has been measured, it is as slow as the slowest that has been
        measured with the same model: a time left that is too long does less harm than the other.
        Of tasks that cost far more than all of those nothing is said.
        """
        if one in self._measured:
            return cost * self._measured[one].seconds
        others = self._by_model.get(one.model, []) if one.stated else []
        alike = [rate.seconds for rate in others if cost <= ALIKE * rate.cost]
        return cost * max(alike) if alike else None


class Pace:
    """What tasks have taken so far, recent ones before all; safe for threads."""

    def __init__(self) -> None:
        # Seconds and costs, both with the weights of their tasks, and the latest cost.
        self._sums: LRUCache[Kind, tuple[float, float, float]] = LRUCache(KINDS)
        self._lock = threading.Lock()

    def note(self, one: Kind, cost: float, seconds: float) -> None:
        """Note that a task of a kind has taken so long."""
        with self._lock:
            before = self._sums.get(one, (0.0, 0.0, cost))
            self._sums[one] = (KEPT * before[0] + seconds, KEPT * before[1] + cost, cost)

    def rates(self, under_way: Iterable[tuple[Kind, float, Run]] = ()) -> Rates:
        """What is known now.

        Args:
            under_way: what is being computed: its kind, its cost, and how far it is. What it has
                told counts like a task that has ended.
        """
        with self._lock:
            sums = dict(self._sums)
        for one, cost, run in under_way:
            whole = run.whole
            if whole is not None:
                seconds, costs, _ = sums.get(one, (0.0, 0.0, cost))
                sums[one] = (seconds + run.share * whole, costs + run.share * cost, cost)
        return Rates({one: Rate(total / costs, cost) for one, (total, costs, cost) in sums.items()})


class Run:
    """How far a task is that a worker has, as it tells.

    Args:
        now: seconds of a clock that only goes forward, as in all that follows.
    """

    def __init__(self, now: float) -> None:
        self.began = now
        self.share = 0.0
        self._told = now  # when the share grew last
        self._seconds = 0.0  # for ``_span``; both without what lies far back
        self._span = 0.0

    def tell(self, share: float, now: float) -> None:
        """Note that ``share`` of it, 0 to 1, is finished; it never falls."""
        share = min(share, 1.0)
        if share <= self.share:
            return
        if self.share > 0:  # before it, the model may have been loaded
            step = share - self.share
            kept = math.exp(-step / RECENT)
            self._seconds = kept * self._seconds + now - self._told
            self._span = kept * self._span + step
        self.share, self._told = share, now

    @property
    def steady(self) -> float | None:
        """Seconds of the whole at its latest pace, without its beginning; None if not told."""
        return self._seconds / self._span if self._span >= SPAN else None

    @property
    def whole(self) -> float | None:
        """Seconds of the whole as far as it has told; None while that is too little."""
        if self.steady is not None:
            return self.steady
        if self.share >= TRUSTED:
            return (self._told - self.began) / self.share
        return None

    def left(self, expected: float | None, now: float) -> float | None:
        """Seconds until its end; None if unknown.

        Args:
            expected: seconds that it was expected to take, or None.
            now: the time.
        """
        before = None if expected is None else _rest(expected, now - self.began)
        if self.whole is None:
            return before
        own = _rest(self.whole * (1 - self.share), now - self._told)
        if before is None:
            return own
        weight = min(1.0, self.share / TRUSTED)
        return weight * own + (1 - weight) * before


class Countdown:
    """A time left as it is shown: it runs with the clock, and is corrected little by little."""

    def __init__(self) -> None:
        self._shown: float | None = None
        self._at = 0.0

    def shown(self, left: float | None, now: float) -> float | None:
        """What to show of an estimate of the seconds left.

        A tenth of the time left is enough for most of a correction, and so are four seconds.
        """
        if left is None or self._shown is None:
            self._shown = left
        else:
            passed = now - self._at
            running = max(0.0, self._shown - passed)
            settling = min(4.0, max(0.5, left / 10))
            self._shown = running + (left - running) * (1 - math.exp(-passed / settling))
        self._at = now
        return self._shown


def _rest(seconds: float, passed: float) -> float:
    return max(seconds - passed, OVERDUE * passed)
