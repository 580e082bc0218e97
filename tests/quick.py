"""For ``make quick``: tests of what was changed come first, and after a while no more begins.

What was changed is what is not committed yet; where everything is, the last commit.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
TESTS_S = 20.0


@cache
def changed() -> tuple[PurePosixPath, ...]:
    """Files that differ from the last commit, or else from the one before."""
    found = _git("status", "--porcelain", "--untracked-files=all", "--no-renames")
    names = [line[3:] for line in found] or _git("diff", "--name-only", "HEAD~1")
    return tuple(PurePosixPath(name.strip('"')) for name in names)


def _git(*words: str) -> list[str]:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


@cache
def distance(file: str) -> int:
    """How far a file with tests is from what was changed: 0 tests it, 2 knows nothing of it."""
    path = PurePosixPath(file)
    text = (ROOT / file).read_text(encoding="utf-8")
    if path in changed() or any(_names(text, module) for module in changed()):
        return 0
    return 1 if {path.parent.name} & {module.parent.name for module in changed()} else 2


def _names(text: str, module: PurePosixPath) -> bool:
    """Whether the text of a test imports the module."""
    folder, name = ".".join(module.parent.parts), re.escape(module.stem)
    beside = rf"from {re.escape(folder)} import [^\n]*\b{name}\b"
    itself = rf"\b{re.escape(folder)}\.{name}\b"
    return bool(folder) and bool(re.search(f"{beside}|{itself}", text))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: distance(item.nodeid.partition("::")[0]))


@cache
def _deadline() -> float:
    return time.monotonic() + TESTS_S


def pytest_runtest_setup(item: pytest.Item) -> None:
    if time.monotonic() > _deadline():
        pytest.skip("make quick ends within a minute; make test runs everything")


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    return ("left out", "", "") if report.skipped else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    files = sorted(map(str, changed()))
    terminalreporter.write_line(f"First came tests of: {_shortened(files)}")


def _shortened(names: Iterable[str]) -> str:
    first, *rest = [*names][:6]
    return ", ".join([first, *rest])
