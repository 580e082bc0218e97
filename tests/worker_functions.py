"""Tasks that misbehave, imported by the workers of the tests."""

import os
import resource
import signal
import time
from pathlib import Path

import numpy as np

from xai_core.cache import Result
from xai_core.errors import MethodError
from xai_core.progress import advance

# On the PYTHONPATH of workers that need no torch.
LIGHT = str(Path(__file__).parent / "light_workers")


def echo(value):
    return Result({"value": np.full(2, value, np.float32)}, {"pid": os.getpid()})


def several(values, whole=False):
    """Answers to several questions at once, by content key; with ``whole`` one of its own, too."""
    time.sleep(0.2)
    facts = {"ended": time.time()}
    parts = {key: Result({"value": np.full(2, value)}, facts) for key, value in values.items()}
    return Result(facts={"count": len(values)} if whole else {}, parts=parts)


def busy(seconds, steps=1000):
    """Use a whole core, holding Python's lock, and tell the progress."""
    began = time.monotonic()
    for step in range(steps):
        while time.monotonic() - began < seconds * (step + 1) / steps:
            sum(range(1000))
        advance(step + 1, steps)
    return Result(facts={"pid": os.getpid()})


def pause(seconds, steps=10):
    for step in range(steps):
        time.sleep(seconds / steps)
        advance(step + 1, steps)
    return Result(facts={"ended": time.time()})


def slowing(quick, slow, steps):
    """Pauses of so many seconds, from half of the steps on other ones, with the progress told."""
    for step in range(steps):
        time.sleep(quick if step < steps / 2 else slow)
        advance(step + 1, steps)
    return Result()


def faults(times=5, size=2**26):
    """Pages that the system has to hand out while memory is taken and given back again."""
    _ = b"x" * size
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        _ = b"x" * size
    return Result(facts={"faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before})


def busy_until(file):
    """Busy until the file is there."""
    while not os.path.exists(file):
        sum(range(1000))
        advance(1, 2)
    return Result(facts={"pid": os.getpid(), "ended": time.time()})


def grow(tries, times=None, step_bytes=64 * 2**20):
    """Take memory until somebody ends it; with ``times`` only at the first, which a file counts."""
    with open(tries, "a") as file:
        file.write("*")
    if times is not None and os.path.getsize(tries) > times:
        return Result(facts={"pid": os.getpid()})
    kept = []
    while True:
        kept.append(np.ones(step_bytes, np.uint8))
        time.sleep(0.01)


def objects():
    return Result({"value": np.array([object()])})


def claim():
    """Ask for more memory than any address space has."""
    return Result({"huge": np.ones(2**60, np.uint8)})


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def bug():
    raise ZeroDivisionError("secret detail")


def told():
    raise MethodError("This method cannot explain this model.")
