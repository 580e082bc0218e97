"""How a process treats memory that has been given back: kept where it computes, else returned.

The C library returns the memory of a large tensor to the system when the tensor goes, and gets it
again, page by page and every page cleared, for the next one. A network's layers make and drop large
tensors all the time: to keep the memory instead makes passes of a batch up to 1.8 times as fast.

What is kept is free for the next tensor, and at most ``KEPT_BYTES`` at the end of the memory; what
lies between tensors that are still there is kept in any case.

The web process computes nothing, but many visitors' threads read maps and pictures. There, what is
given back goes to the system at once, and threads share their pools: a page of 160 heatmaps leaves
980 MiB in use instead of up to 1290.

Only glibc is asked; elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping

KEPT_BYTES = 2**30  # what the internal batches of a method take, unless XAI_MEMORY says otherwise
RETURNED_BYTES = 2**16  # from this size on
# Of mallopt(3).
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8

# Number of a local worker, from 0: of several graphics cards each takes its own.
WORKER = "XAI_WORKER"

# For a process that is about to be started. Its threads share one pool of memory, because glibc
# gives every further pool at most 64 MiB; what does not fit there would go back to the system.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": KEPT_BYTES,
    "MALLOC_MMAP_MAX_": 0,
    "MALLOC_ARENA_MAX": 1,
}


def keep_freed_memory() -> None:
    """Ask for the same in this process, for what its main thread computes."""
    _ask({_TRIM_THRESHOLD: KEPT_BYTES, _MMAP_MAX: 0})


def return_freed_memory() -> None:
    """Ask for the opposite in this process, for what all its threads hold."""
    _ask({_MMAP_THRESHOLD: RETURNED_BYTES, _ARENA_MAX: 2})


def _ask(options: Mapping[int, int]) -> None:
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        for option, value in options.items():
            mallopt(option, value)
