"""An answer that is acknowledged is on the disk: counted by the system calls that put it there.

Killing the process would not show it: what was written is then with the system and stays.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.study.hundred import ANSWERS, MARK

ROOT = Path(__file__).resolve().parents[2]


def syncs(tmp_path, synchronous):
    """How often the disk was made to keep what it had, during one hundred answers."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed (Debian: apt install strace)")
    log, url = tmp_path / "calls", f"sqlite:///{tmp_path / synchronous / 'x.sqlite'}"
    program = [sys.executable, "-m", "tests.study.hundred", url, synchronous]
    traced = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-o", str(log), *program]
    done = subprocess.run(traced, cwd=ROOT, capture_output=True, text=True, check=False)
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        pytest.skip("strace is not permitted to trace here (it needs the right to use ptrace)")
    assert done.returncode == 0, done.stderr
    _, between, _ = log.read_text().split(MARK.decode().strip())
    return between.count("fsync(") + between.count("fdatasync(")


def test_each_answer_is_put_on_the_disk(tmp_path):
    assert ANSWERS <= syncs(tmp_path, "FULL") <= 2 * ANSWERS
    assert syncs(tmp_path, "OFF") <= ANSWERS // 10
