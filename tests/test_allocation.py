"""Memory that tensors gave back stays with the process."""

import platform
import subprocess
import sys

import pytest

COUNT = "from tests.worker_functions import faults; print(faults().facts['faults'])"
KEEP = "from xai_core.allocation import keep_freed_memory; keep_freed_memory(); "


def faults(program):
    words = [sys.executable, "-c", program]
    return int(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_pages_are_asked_for_once():
    # Five times 64 MiB: 81920 pages of 4 KiB, or 160 where the system hands out 2 MiB at once.
    assert faults(KEEP + COUNT) * 4 < faults(COUNT)
