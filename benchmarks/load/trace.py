"""What happened to each task, step by step, from handing out to its being read."""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.load.chores import LOG
from xai_core.jobs.cluster import Cluster
from xai_core.jobs.job import Job

HANDED_OUT, BEGUN, ENDED, ARRIVED = "handed out", "begun", "ended", "arrived"
FINISHED, READ = "finished", "read"
STEPS = (HANDED_OUT, BEGUN, ENDED, ARRIVED, FINISHED, READ)
KILLED = "killed"
Event = tuple[float, str, int]


class Trace:
    """Times at which tasks reached their steps, by the tasks' keys.

    Args:
        folder: where the workers write theirs.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / LOG
        self._events: dict[str, list[Event]] = defaultdict(list)
        self._tickets: dict[str, str] = {}
        self._lock = threading.Lock()

    def note(self, key: str, step: str, pid: int = 0) -> None:
        """Write down that the task has reached a step now."""
        with self._lock:
            self._events[key].append((time.time(), step, pid))

    def killed(self, pid: int) -> None:
        """Write down that a worker was killed from outside."""
        self.note(KILLED, KILLED, pid)

    @property
    def deaths(self) -> int:
        """Workers that were killed from outside."""
        return len(self._events[KILLED])

    def has_begun(self, pid: int) -> bool:
        """Whether a process has begun a task."""
        return f" {pid}\n" in self._log.read_text()

    def take_workers(self) -> None:
        """Add what the workers have written. Once, at the end."""
        for line in self._log.read_text().splitlines():
            clock, step, number, pid = line.split()
            self._events[number].append((float(clock), step, int(pid)))

    def of(self, key: str) -> list[Event]:
        """A task's steps in their order."""
        return sorted(self._events.get(key, ()))

    def count(self, step: str) -> int:
        """Tasks that have reached a step."""
        return sum(any(one[1] == step for one in events) for events in self._events.values())

    def repeated(self) -> int:
        """Tasks that were computed to their end more than once."""
        return sum(
            sum(step == ENDED for _, step, _ in events) > 1 for events in self._events.values()
        )

    def kills(self, key: str) -> int:
        """How often the process in which the task had begun, and not ended, was killed."""
        own = self.of(key)
        killed = {pid for _, _, pid in self.of(KILLED)}
        begun = [pid for _, step, pid in own if step == BEGUN]
        ended = [pid for _, step, pid in own if step == ENDED]
        return sum(pid in killed and pid not in ended for pid in begun)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, the engines of this process are watched."""
        with (
            _watched(Cluster, "start", self._start),
            _watched(Cluster, "outcome", self._outcome),
            _watched(Job, "finish", self._finish),
        ):
            yield

    def _start(self, call: Callable[..., Any], cluster: Any, parcel: Any, *rest: Any) -> Any:
        self.note(parcel.key, HANDED_OUT)
        future = call(cluster, parcel, *rest)
        self._tickets[future.key] = parcel.key
        return future

    def _outcome(self, call: Callable[..., Any], cluster: Any, future: Any) -> Any:
        found = call(cluster, future)
        self.note(self._tickets[future.key], ARRIVED)
        return found

    def _finish(self, call: Callable[..., Any], job: Any, task: Any, outcome: Any) -> None:
        call(job, task, outcome)
        self.note(task.key, FINISHED)


def _watched(kind: type, name: str, watch: Callable[..., Any]) -> Any:
    """A patch by which ``watch`` is called instead, with the method before its arguments."""
    method = getattr(kind, name)

    @functools.wraps(method)
    def call(*arguments: Any, **named: Any) -> Any:
        return watch(method, *arguments, **named)

    return mock.patch.object(kind, name, call)
