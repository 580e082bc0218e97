"""What goes on beside an engine: a core that is busy, and workers that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psutil

ENGINE, WORKER = "xai_core.jobs.local", "spawn_main"
STARTING = 0.1  # share of those killed that need not have begun a task


@contextmanager
def beside(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Within the block, another Python runs with these words."""
    with subprocess.Popen([sys.executable, *words], stdin=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


def busy_core() -> AbstractContextManager[object]:
    """Within the block, another process takes all of a core that it can get."""
    return beside("-c", "while True: sum(range(10000))")


@contextmanager
def killing(
    every_s: float, ready: Callable[[int], bool], told: Callable[[int], None], seed: int
) -> Iterator[None]:
    """Within the block, a worker of this process's engines is killed now and then.

    Args:
        every_s: mean seconds between two; 0 leaves them alone.
        ready: whether the process has begun a task: one in ten is killed before, while it starts.
        told: called with its process number just before.
        seed: of the chance.
    """
    ended = threading.Event()
    chance = random.Random(seed)

    def go() -> None:
        while not ended.wait(chance.uniform(0.5, 1.5) * every_s):
            found = workers()
            if chance.random() > STARTING:
                found = [pid for pid in found if ready(pid)]
            if found:
                victim = chance.choice(found)
                told(victim)
                os.kill(victim, signal.SIGKILL)

    thread = threading.Thread(target=go, daemon=True)
    if every_s:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if every_s:
            thread.join()


def workers() -> list[int]:
    """Processes in which tasks are computed, or will be when they have started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            beside = " ".join(child.parent().cmdline())  # type: ignore[union-attr]
            if ENGINE in beside and WORKER in " ".join(child.cmdline()):
                found.append(child.pid)
        except (psutil.NoSuchProcess, AttributeError):
            continue
    return found
