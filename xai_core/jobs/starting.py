"""Starting workers on this machine: how many, how much memory, and the process that holds them."""

from __future__ import annotations

import logging
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from glob import glob
from typing import Any

from dask.utils import parse_bytes
from distributed.system import MEMORY_LIMIT

from xai_core.errors import JobError
from xai_core.places import PACKAGES, found_by_itself

log = logging.getLogger(__name__)

START_S = 180.0  # a worker's libraries load in two seconds, and in a minute where all are busy
LEAST_MEMORY = 2**30  # torch with its libraries takes 0.8 GiB before it computes anything
AUTOMATIC_SHARE = 0.6
# What Linux has where there is a card: of NVIDIA, by Windows' subsystem, of AMD.
CARDS = ("/dev/nvidia[0-9]*", "/dev/dxg", "/dev/kfd")


def worker_count() -> int | None:
    """Local workers that ``XAI_WORKERS`` asks for; None if it is not set.

    Raises:
        JobError: it is no whole number above 0.
    """
    words = os.environ.get("XAI_WORKERS")
    if not words:
        return None
    if not words.isdecimal() or int(words) < 1:
        raise JobError(f"XAI_WORKERS must be a whole number above 0, not '{words}'.")
    return int(words)


def one_per_card() -> int:
    """So many local workers that each graphics card has one; 1 where there is none.

    torch knows how many there are, and is not to be loaded here: another process is asked, which
    takes some seconds, where the system or ``XAI_DEVICE`` leaves room for more than one.
    """
    words = os.environ.get("XAI_DEVICE", "").strip().lower()
    if words not in ("", "auto", "cuda") or not _may_have_cards():
        return 1
    command = [sys.executable, "-P", "-m", "xai_core.device"]
    given: dict[str, Any] = {"env": _environment(), "timeout": START_S}
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, **given).stdout
    except subprocess.SubprocessError as error:
        log.warning("The graphics cards could not be counted; one worker is started: %s", error)
        return 1
    return int(told)


def _may_have_cards() -> bool:
    """Whether several cards that compute by CUDA (or ROCm) are possible here."""
    if sys.platform.startswith("linux"):
        return any(glob(pattern) for pattern in CARDS)
    return sys.platform == "win32"


def memory_bytes(limit: str | int | None, workers: int) -> int:
    """Most bytes that one worker may use.

    Args:
        limit: bytes, a text such as "4 GiB", or "auto": 60 % of the machine's memory, shared
            by the workers. None takes ``XAI_WORKER_MEMORY``, or "auto".
        workers: number of workers on this machine.

    Raises:
        JobError: the limit cannot be read or is too small to load torch (1 GiB).
    """
    wanted = limit if limit is not None else os.environ.get("XAI_WORKER_MEMORY") or "auto"
    if wanted == "auto":
        return max(LEAST_MEMORY, int(AUTOMATIC_SHARE * MEMORY_LIMIT / workers))
    try:
        size = int(parse_bytes(wanted))
    except ValueError as error:
        raise JobError(
            f"The memory limit '{wanted}' is not a size; write for example '4 GiB'."
        ) from error
    if size < LEAST_MEMORY:
        raise JobError(f"The memory limit '{wanted}' is too small; a worker needs 1 GiB.")
    return size


class Local:
    """The process of ``xai_core.jobs.local``, which holds scheduler and workers.

    Everything listens on 127.0.0.1 only. The scheduler asks for no password: whoever may run
    programs on this machine can reach it, as they can reach any program's loopback port.

    Raises:
        JobError: the process ended or said nothing for three minutes.
    """

    def __init__(self, workers: int, memory: int) -> None:
        # With -P no file of the current folder is taken for a module of Python's own.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "xai_core.jobs.local", str(workers), str(memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=_environment(),
            # Ctrl-C in a terminal reaches the parent only. Not a new session: where Linux shares
            # its cores out by session, a worker would not give way to its own server at all.
            process_group=0,
        )
        self.address = self._first_line()

    def _first_line(self) -> str:
        output = self._process.stdout
        if output is None or not select.select([output], [], [], START_S)[0]:
            self.close()
            raise JobError("The compute engine did not start within three minutes.")
        address = output.readline().strip()
        if not address:
            self.close()
            raise JobError("The compute engine could not start; the log says why.")
        return address

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process and, with it, all workers."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _environment() -> Mapping[str, str]:
    """Ours, with the place of this package.

    The folder of installed packages is not named: it would come before Python's own modules, and
    may hold others of the same names.
    """
    if found_by_itself():
        return os.environ
    path = filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(path)}
