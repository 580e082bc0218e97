"""Memory that was given back stays with a process that computes, and leaves one that does not."""

import platform
import subprocess
import sys

import pytest

COUNT = "from tests.worker_functions import faults; print(faults().facts['faults'])"
IN_USE = """
import psutil
import numpy as np
np.ones(2**21)  # once this is given back, glibc takes smaller pieces from the heap
# Of the heap, what lies below something that is still in use cannot go back.
held = [(np.ones(2**15), bytearray(2**15)) for _ in range(200)]
kept = [small for _, small in held]
del held
print(psutil.Process().memory_info().rss)
"""
RETURN = "from xai_core.allocation import return_freed_memory; return_freed_memory()"
KEEP = "from xai_core.allocation import keep_freed_memory; keep_freed_memory(); "


def told(program):
    words = [sys.executable, "-c", program]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


ON_GLIBC = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the C library is not glibc"
)


@ON_GLIBC
def test_pages_are_asked_for_once():
    # Five times 64 MiB: 81920 pages of 4 KiB, or 160 where the system hands out 2 MiB at once.
    assert told(KEEP + COUNT) * 4 < told(COUNT)


@ON_GLIBC
def test_what_is_given_back_goes_although_something_behind_it_stays():
    # 200 times 256 KiB: 50 MiB.
    assert told(IN_USE) - told(RETURN + IN_USE) > 40 * 2**20
