"""Thousands of short tasks beside cancelled jobs, killed workers and a busy core: is any lost?

``python -m benchmarks.engine`` asks an engine of its own as several users at once and tells what
became of each task: its result, the sentence that it deserves, cancelled with its job, or lost.
Lost is what failed through no fault of its own, or never ended. Ends with 1 if there is any.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.chores import REFUSAL, chore
from benchmarks.load.trace import READ, STEPS, Trace
from benchmarks.load.trouble import busy_core, killing
from xai_core.cache import Cache, Result
from xai_core.jobs import Engine, Job, Task
from xai_core.jobs.failures import DIED

MOST_IN_A_JOB = 12
STALLED_S = 600.0  # many times what a worker needs to start on a machine that others use
OWN_SENTENCE = {"refuse": REFUSAL, "crash": DIED, "outgrow": "The computation ran out of memory"}
# In a thousand tasks: most are quick, a share uses torch, and some deserve their sentence.
FATES = {"quick": 940, "torch": 50, "refuse": 8, "crash": 1, "outgrow": 1}
RESULT, SENTENCE, CANCELLED, DROPPED = "result", "own sentence", "cancelled", "no longer wanted"
KILLED_AGAIN, WRONG, LOST = "killed from outside at each try", "ANOTHER TASK'S RESULT", "LOST"


@dataclass(frozen=True)
class Verdict:
    """What became of one task of one job."""

    key: str
    word: str
    sentence: str = ""


class Asker:
    """One user, who asks for job after job and reads what comes.

    Args:
        name: the owner of the jobs.
        engine: whom to ask.
        trace: where it is written down that a result was read.
        folder: for what the workers write.
        numbers: of the tasks.
    """

    def __init__(
        self, name: str, engine: Engine, trace: Trace, folder: Path, numbers: range
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.until = float("inf")
        self._name, self._engine, self._trace, self._folder = name, engine, trace, folder
        self._numbers, self._chance = iter(numbers), random.Random(numbers.start)

    def run(self) -> None:
        """Ask until there are no numbers left, or no time."""
        while time.monotonic() < self.until and (tasks := self._tasks()):
            jobs = [self._engine.submit(tasks, self._name)]
            if self._chance.random() < 0.1:  # somebody else wants the same
                jobs.append(self._engine.submit(tasks, f"{self._name}'s friend"))
            end = self._chance.choices(("wait", "cancel", "release"), (92, 5, 3))[0]
            if end != "wait":
                jobs[0].wait(self._chance.uniform(0, 0.3))
                jobs[0].cancel() if end == "cancel" else jobs[0].release()
            for job in jobs:
                self._read(job, tasks)

    def _tasks(self) -> list[Task]:
        most = self._chance.randint(1, MOST_IN_A_JOB)
        found = [number for _, number in zip(range(most), self._numbers, strict=False)]
        return [self._task(number) for number in found]

    def _task(self, number: int) -> Task:
        arguments = {
            "folder": str(self._folder),
            "number": number,
            "fate": self._chance.choices(tuple(FATES), tuple(FATES.values()))[0],
            "seconds": self._chance.choice((0.0, 0.0, 0.005, 0.02)),
            "size": self._chance.choice((10, 10, 10, 100_000)),
        }
        return Task(str(number), chore, arguments)

    def _read(self, job: Job, tasks: Sequence[Task]) -> None:
        seen: dict[str, Result] = {}
        moved, count = time.monotonic(), -1
        while True:
            ended = job.wait(0.05)
            for key in job.results.keys() - seen.keys():
                seen[key] = job.results[key]
                self._trace.note(key, READ)
            if ended:
                break
            if len(seen) + len(job.errors) != count:
                moved, count = time.monotonic(), len(seen) + len(job.errors)
            if time.monotonic() - moved > STALLED_S:
                break
        errors = job.errors
        self.verdicts += [
            self._verdict(task, seen.get(task.key), errors.get(task.key), job) for task in tasks
        ]

    def _verdict(
        self, task: Task, result: Result | None, sentence: str | None, job: Job
    ) -> Verdict:
        number = task.arguments["number"]
        if result is not None:
            right = result.facts["number"] == number and (result.arrays["value"] == number).all()
            return Verdict(task.key, RESULT if right else WRONG)
        if sentence is None and job.state == "cancelled":
            return Verdict(task.key, CANCELLED)
        if sentence is None:
            dropped = job.released_s and job.done
            return Verdict(task.key, DROPPED if dropped else LOST, "never ended")
        own = OWN_SENTENCE.get(task.arguments["fate"])
        deserved = own is not None and sentence.startswith(own)
        return Verdict(task.key, SENTENCE if deserved else LOST, sentence)


def main(arguments: argparse.Namespace) -> int:
    """Run and tell; 1 if a task was lost or got another's result."""
    logging.disable(logging.CRITICAL if not arguments.log else logging.NOTSET)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trace = Trace(folder)
        engine = Engine(arguments.workers, "1 GiB", Cache(folder / "cache"))
        share = arguments.tasks // arguments.owners
        askers = [
            Asker(f"owner {i}", engine, trace, folder, range(i * share, (i + 1) * share))
            for i in range(arguments.owners)
        ]
        threads = [threading.Thread(target=asker.run) for asker in askers]
        first = {"folder": name, "number": -1, "fate": "quick", "seconds": 0.0, "size": 1}
        engine.submit([Task("-1", chore, first)], "first").wait()
        began = time.monotonic()
        busy = busy_core() if not arguments.idle else nullcontext()
        killed = killing(arguments.kill_every, trace.has_begun, trace.killed, seed=0)
        with trace.watching(), busy, killed:
            for asker, thread in zip(askers, threads, strict=True):
                asker.until = began + 60 * arguments.minutes
                thread.start()
            for thread in threads:
                thread.join()
            seconds = time.monotonic() - began
        engine.close()
        trace.take_workers()
        return tell(trace, [verdict for asker in askers for verdict in asker.verdicts], seconds)


def tell(trace: Trace, verdicts: list[Verdict], seconds: float) -> int:
    """Print what was counted."""
    verdicts = [
        Verdict(one.key, KILLED_AGAIN, one.sentence)
        if one.word == LOST and one.sentence == DIED and trace.kills(one.key) > 1
        else one
        for one in verdicts
    ]
    words = Counter(one.word for one in verdicts)
    print(f"{len(verdicts)} asked for in {seconds:.0f} s, {trace.deaths} workers killed")
    for word in (RESULT, SENTENCE, CANCELLED, DROPPED, KILLED_AGAIN, WRONG, LOST):
        print(f"{words[word]:7} {word}")
    print("Tasks by step: " + ", ".join(f"{trace.count(step)} {step}" for step in STEPS))
    print(f"Computed to the end more than once: {trace.repeated()}")
    lost = [one for one in verdicts if one.word in (WRONG, LOST)]
    for sentence, count in Counter(one.sentence for one in lost).most_common():
        print(f"{count:7} lost: {sentence}")
    for one in lost[:20]:
        print(f"  task {one.key}: {one.sentence}")
        for clock, step, pid in trace.of(one.key):
            print(f"    {clock:.3f} {step}{f' in {pid}' if pid else ''}")
    return 1 if lost else 0


def read(words: Sequence[str] | None = None) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engine", description=__doc__)
    parser.add_argument("--tasks", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=180.0, help="ask for nothing more then")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--owners", type=int, default=4)
    parser.add_argument(
        "--kill-every", type=float, default=15.0, metavar="S", help="mean seconds; 0 for never"
    )
    parser.add_argument("--idle", action="store_true", help="no busy core beside")
    parser.add_argument("--log", action="store_true", help="show what the engine logs")
    return parser.parse_args(words)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main(read()))
