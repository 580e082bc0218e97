"""Small tasks of which every step is written down, for ``benchmarks.engine``.

Each writes a line to ``folder/workers.log`` when it begins and when it ends, in the process that
computes: what happened there is known also when that process is gone.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from pathlib import Path

import numpy as np

from xai_core.cache import Result
from xai_core.errors import MethodError
from xai_core.progress import advance

LOG = "workers.log"
REFUSAL = "This chore refuses."
STEP_BYTES = 64 * 2**20


def chore(folder: str, number: int, fate: str, seconds: float, size: int) -> Result:
    """Compute something that tells which task it belongs to.

    Args:
        folder: where the lines are written.
        number: the task's own.
        fate: "quick", "torch" (with the library in use), "refuse" (an error for the user),
            "outgrow" (takes memory until it is ended) or "crash" (ends its process).
        seconds: how long it takes, in ten steps of progress.
        size: values of the array that it returns, all equal to ``number``.
    """
    note(folder, "begun", number)
    for step in range(10):
        time.sleep(seconds / 10)
        advance(step + 1, 10)
    if fate == "refuse":
        raise MethodError(REFUSAL)
    if fate == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if fate == "outgrow":
        kept = []
        while True:
            kept.append(np.ones(STEP_BYTES, np.uint8))
            time.sleep(0.02)
    if fate == "torch":
        _convolve()
    result = Result({"value": np.full(size, number, np.float64)}, {"number": number})
    note(folder, "ended", number)
    return result


def small(key: str, picture: np.ndarray) -> Result:
    """As little as a task can do with a picture."""
    return Result({"value": picture.flat[:8]}, {"key": key})


def note(folder: str, step: str, number: int) -> None:
    """Add one line; the system keeps lines that several processes append apart."""
    with (Path(folder) / LOG).open("ab", buffering=0) as log:
        log.write(f"{time.time():.4f} {step} {number} {os.getpid()}\n".encode())


def _convolve() -> None:
    torch = importlib.import_module("torch")
    picture = torch.ones(1, 8, 96, 96)
    torch.nn.functional.conv2d(picture, torch.ones(8, 8, 3, 3))
