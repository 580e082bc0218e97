"""What runs inside a worker, and in the process beside it that restarts it."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time

from distributed import Nanny, Worker, get_worker
from distributed.core import Status

from xai_core.cache import Result
from xai_core.errors import JobError
from xai_core.jobs.exchange import Answer, Parcel, answer, unpacked
from xai_core.progress import listening
from xai_core.sources import SOURCES

TASKS = "xai_core.tasks"
FIRST_LIBRARIES = "xai_core.tasks.first_libraries"
REPORT_EVERY_S = 0.2
# Where Linux shares its cores out by session (autogroup), this counts only against the server,
# whose session the workers share; elsewhere against everything, which is why it is small. Beside
# one busy loop on the same core a model was there after 3.5 s with 0, 8.6 s with 5, 185 s with 19.
NICE = 5
OTHER_PROGRAM = (
    "The program's files, or its libraries, are not the same for the server and the compute "
    "worker, perhaps because of an update. Restart both."
)


def dask_setup(worker: Worker) -> None:
    """Called once when a worker starts: load what tasks need, then give way to other work."""
    # Loading uses one core for two seconds while somebody waits; computing uses all for long.
    importlib.import_module(TASKS)
    os.nice(NICE)
    # A failing task is the engine's to log: most failures are sentences for a user.
    logging.getLogger("distributed.worker").setLevel(logging.CRITICAL)


def run(parcel: Parcel) -> Answer:
    """Run one task, telling its progress as events.

    Raises:
        JobError: this worker has another program than the asker.
        ElsewhereError: it does not see the asker's cache.
        TypeError: the task gives no result, or one that has no place in the cache.
    """
    if parcel.sources != SOURCES:
        raise JobError(OTHER_PROGRAM)
    arguments = unpacked(parcel)
    module, _, name = parcel.function.partition(":")
    call = getattr(importlib.import_module(module), name)
    worker = get_worker()
    told = 0.0

    def tell(share: float) -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= REPORT_EVERY_S:
            told = now
            worker.log_event(parcel.topic, {"ticket": parcel.ticket, "share": float(share)})

    worker.log_event(parcel.topic, {"ticket": parcel.ticket, "share": 0.0})  # it has begun
    with listening(tell):
        result = call(**arguments)
    if not isinstance(result, Result):
        raise TypeError(f"A task returned {type(result).__name__} instead of a Result.")
    found = answer(parcel, result)
    if found.result is None:  # told, so that the engine need not fetch it
        worker.log_event(parcel.topic, {"ticket": parcel.ticket, "share": 1.0, "kept": True})
    return found


def kill(address: str, topic: str, dask_worker: Nanny) -> None:
    """End the worker of this nanny at once; the nanny then starts a new one.

    Args:
        address: of the worker that is meant. One that has just come in its place is left alone.
        topic: name under which engines hear of workers that were ended on purpose.
        dask_worker: the nanny, given by Dask under this name.
    """
    process = dask_worker.process
    if process is None or process.status != Status.running or process.worker_address != address:
        return
    if process.pid:
        dask_worker.log_event(topic, {"worker": address})
        os.kill(process.pid, signal.SIGKILL)
