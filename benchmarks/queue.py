"""A hundred thousand small tasks of one job: does the last cost more than the first?

``python -m benchmarks.queue`` asks an engine of its own, with its cache on the disk, and tells
for the first, some middle and the last thousand tasks how long each took, how much of a core, and
what memory the asking process, the scheduler and the worker hold. Every task gets one picture.
With ``--here`` tasks are computed in the asking process, as soon as they are handed out: what is
timed then is the engine's own part, without Dask's.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import psutil

from benchmarks.load.chores import small
from xai_core.cache import Cache
from xai_core.jobs import Engine, Job, Task
from xai_core.jobs import engine as engines
from xai_core.jobs.exchange import Answer, Parcel, answer, unpacked

PICTURE = (3, 224, 224)


class Here:
    """Takes the place of a cluster: what is handed out is computed at once."""

    def __init__(self, *_: Any) -> None:
        self.alive = True

    def workers(self, age: float = 0.0) -> list[str]:
        """One, which is always there."""
        return ["here"]

    def start(self, parcel: Parcel, worker: str) -> SimpleNamespace:
        """Do as a worker does."""
        found = answer(parcel, small(**unpacked(parcel)))
        return SimpleNamespace(done=lambda: True, answer=found)

    def outcome(self, future: SimpleNamespace) -> Answer:
        """What has come of it."""
        found: Answer = future.answer
        return found

    def close(self) -> None:
        """There is nothing to be closed."""


def main(arguments: argparse.Namespace) -> None:
    """Run and tell."""
    place = mock.patch.object(engines, "Cluster", Here) if arguments.here else nullcontext()
    with place, tempfile.TemporaryDirectory() as folder:
        engine = Engine(1, "1 GiB", Cache(Path(folder) / "cache"))
        engine.submit([asked(-1, np.zeros(1))], "me").wait()
        picture = np.ones(PICTURE, np.float32)
        began = time.monotonic()
        job = engine.submit([asked(i, picture) for i in range(arguments.tasks)], "me")
        print(f"{arguments.tasks} tasks asked for in {time.monotonic() - began:.1f} s", flush=True)
        watch(job, arguments)
        wrong = [key for key in list(job.results)[::997] if job.results[key].facts["key"] != key]
        print(f"{len(job.results)} results, {len(job.errors)} errors, {len(wrong)} wrong")
        engine.close()


def asked(number: int, picture: np.ndarray) -> Task:
    """One of the tasks."""
    return Task(f"task {number}", small, {"key": f"task {number}", "picture": picture})


def watch(job: Job, arguments: argparse.Namespace) -> None:
    """Print a line for some of the thousands."""
    clock, used = time.monotonic(), processor_s()
    ends = range(arguments.each, arguments.tasks + 1, arguments.each)
    told = set(ends[:: max(1, len(ends) // arguments.lines)]) | {ends[-1]}
    for end in ends:
        while len(job.results) + len(job.errors) < end:
            job.wait(0.2)
        before, clock = clock, time.monotonic()
        spent, used = used, processor_s()
        if end in told:
            each = 1000 * (clock - before) / arguments.each
            core = 1000 * (used - spent) / arguments.each
            held = {name: own.memory_info().rss / 2**20 for name, own in processes().items()}
            sizes = ", ".join(f"{name} {size:.0f} MiB" for name, size in held.items())
            times = f"{each:6.2f} ms a task, {core:5.2f} of a core"
            print(f"up to {end:6}: {times}, {sizes}", flush=True)


def processes() -> dict[str, psutil.Process]:
    """This process, and those of its engine."""
    found = {"here": psutil.Process()}
    for process in found["here"].children(recursive=True):
        words = " ".join(process.cmdline())
        if "xai_core.jobs.local" in words:
            found["scheduler"] = process
        elif "spawn_main" in words:
            found["worker"] = process
    return found


def processor_s() -> float:
    """Seconds that they have used of a core together."""
    return sum(sum(process.cpu_times()[:2]) for process in processes().values())


def read(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queue", description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=1000, help="tasks that are timed together")
    parser.add_argument("--lines", type=int, default=10, help="how many of these are told")
    parser.add_argument("--here", action="store_true", help="the engine's own part alone")
    return parser.parse_args(words)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(read())
