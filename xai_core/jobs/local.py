"""The process that holds the local scheduler and looks after the workers.

``starting.Local`` starts it with ``python -m xai_core.jobs.local workers memory_bytes``. It
writes the scheduler's address as its only line of output and lives until its input is closed,
which the system does even when the process that started it is killed: nothing is left behind.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

import dask
import psutil
from dask.system import CPU_COUNT
from distributed import Nanny, Scheduler
from distributed.scheduler import DEFAULT_EXTENSIONS as OF_SCHEDULER
from distributed.utils import get_mp_context
from distributed.worker import DEFAULT_EXTENSIONS as OF_WORKER

from xai_core.allocation import ENVIRONMENT, WORKER
from xai_core.jobs import worker

LOOPBACK = "127.0.0.1"
# On Linux a worker is a copy of a process that has loaded what tasks need, and is there at once:
# to load it anew takes seconds, in which somebody waits whose cancelled work ended a worker.
START = "forkserver" if sys.platform.startswith("linux") else "spawn"


def configuration(workers: int) -> dict[str, object]:
    """Settings of Dask: no silent retry, no spilling to disk, no web pages, cores shared."""
    threads = int(os.environ.get("OMP_NUM_THREADS") or max(1, CPU_COUNT // workers))
    libraries = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "distributed.scheduler.allowed-failures": 0,
        # A worker that computes without a break may be silent for long; its end is seen anyway.
        "distributed.scheduler.worker-ttl": None,
        # What only Dask's own pages would show costs time and memory with every task.
        "distributed.worker.profile.enabled": False,
        "distributed.admin.low-level-log-length": 100,
        "distributed.admin.tick.interval": "500 ms",
        "distributed.admin.system-monitor.interval": "5 s",
        "distributed.admin.system-monitor.gil.enabled": False,
        "distributed.scheduler.http.routes": [],
        "distributed.worker.http.routes": [],
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 0.95,
        "distributed.worker.memory.monitor-interval": "50 ms",
        "distributed.worker.multiprocessing-method": START,
        # Read by torch when it is imported, and by the C library before that.
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(libraries, threads) | ENVIRONMENT,
    }


async def serve(workers: int, memory_bytes: int, folder: str, answer: TextIO) -> None:
    """Run scheduler and workers until the input ends; then end this process.

    Args:
        workers: number of worker processes, one thread each.
        memory_bytes: a worker that holds more is ended and started anew.
        folder: for the workers' own files.
        answer: where the scheduler's address is written.
    """
    # The engine tells its user of every failure; only what else goes wrong is news here.
    logging.getLogger("distributed").setLevel(logging.ERROR)
    logging.getLogger("distributed.scheduler").setLevel(logging.CRITICAL)
    if START == "forkserver":
        needed = [worker.__name__, worker.TASKS, worker.FIRST_LIBRARIES]
        get_mp_context().set_forkserver_preload(needed)
    # Not distributed.LocalCluster: that closes, for good, a worker that was restarted twice
    # within its lost-worker timeout.
    place: dict[str, Any] = {"host": LOOPBACK, "port": 0, "dashboard_address": f"{LOOPBACK}:0"}
    scheduler = await Scheduler(dashboard=False, extensions=_lasting(OF_SCHEDULER), **place)
    made = partial(
        Nanny,
        scheduler.address,
        nthreads=1,
        memory_limit=memory_bytes,
        local_directory=folder,
        preload=[worker.__name__],
        extensions=_lasting(OF_WORKER),
        dashboard=False,
        silence_logs=logging.ERROR,
        **place,
    )
    makers = [
        partial(made, name=str(number), env={WORKER: str(number)}) for number in range(workers)
    ]
    nannies = await asyncio.gather(*(_started(maker) for maker in makers))
    keepers = [
        asyncio.create_task(_keep(nanny, maker))
        for nanny, maker in zip(nannies, makers, strict=True)
    ]
    print(scheduler.address, file=answer, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    for keeper in keepers:
        keeper.cancel()
    # A busy worker would answer a polite request only when its task is finished.
    for child in psutil.Process().children(recursive=True):
        child.kill()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


def _lasting(extensions: Mapping[str, type]) -> dict[str, type]:
    """All parts of Dask but its statistics and work stealing.

    Both keep something of every task for ever, and tasks are handed to a worker by name.
    """
    return {name: part for name, part in extensions.items() if name not in ("spans", "stealing")}


async def _started(maker: Callable[[], Nanny]) -> Nanny:
    """A nanny with its worker; tried again once, because that may be killed while it starts."""
    nanny = maker()
    try:
        await nanny
    except RuntimeError:
        nanny = maker()
        await nanny
    return nanny


async def _keep(nanny: Nanny, maker: Callable[[], Nanny]) -> None:
    """Put another in the place of a nanny that has given up its worker."""
    while True:
        await nanny.finished()
        with suppress(RuntimeError):  # the engine tells when there has been no worker for long
            nanny = await maker()


def main(workers: int, memory_bytes: int) -> None:
    """Serve until the input ends."""
    # Workers inherit the output: only the address may reach whoever reads it.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = tempfile.mkdtemp(prefix="xai-workers-")
    with dask.config.set(configuration(workers)):
        asyncio.run(serve(workers, memory_bytes, folder, answer))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
