"""How a computing process treats memory that tensors have given back.

The C library returns the memory of a large tensor to the system when the tensor goes, and gets it
again, page by page and every page cleared, for the next one. A network's layers make and drop large
tensors all the time: to keep the memory instead makes passes of a batch up to 1.8 times as fast.

What is kept is free for the next tensor, and at most ``KEPT_BYTES`` at the end of the memory; what
lies between tensors that are still there is kept in any case. Only glibc is asked; elsewhere
nothing changes.
"""

from __future__ import annotations

import ctypes
import sys

KEPT_BYTES = 2**30  # what the internal batches of a method take, unless XAI_MEMORY says otherwise
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt(3)

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
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
        mallopt(_MMAP_MAX, 0)
