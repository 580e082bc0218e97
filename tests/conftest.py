"""What holds for every test: which process runs it, what it needs, the same random numbers."""

from __future__ import annotations

import copy
import gc
import os
import sys
import tempfile
from collections.abc import Generator
from typing import TYPE_CHECKING

# Two tests side by side are faster than one with two threads. It must be known before torch is.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Exact numbers are the processor's, also where there is a graphics card.
os.environ["XAI_DEVICE"] = "cpu"
# The small network, unless a test is about the one that users begin with.
os.environ["XAI_MODEL"] = "vgg-tiny"

import hypothesis
import pytest
import torch

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Nothing that was kept before counts, and nothing is left behind.
_cache = tempfile.TemporaryDirectory(prefix="xai-tests-")
os.environ["XAI_CACHE"] = _cache.name
# Networks that are made while tests are collected have the same weights in every run.
torch.manual_seed(0)
# What is imported and collected stays to the end: to look through it for garbage, again and again,
# took a third of the collection's time.
gc.disable()

# What a test needs, by what it asks for: the marker, and the fixtures that start such a thing.
NEEDS = {
    "browser": {"browser", "page"},
    "worker": {"engine", "workers", "surroundings"},
    "database": {"cluster", "store_url", "empty_url", "sqlite_url", "taken_by_bots"},
}
# What is started, by a word of its command, and the markers of which a test then needs one.
STARTED = {
    "xai_core.jobs.local": {"worker"},
    "streamlit": {"browser", "database"},
    "playwright": {"browser"},
    "postgres": {"database"},
}
# Their tests share a server and a browser, or an engine: they run in one process, and first.
TOGETHER = ("tests/browser", "tests/pages")
# But these have servers of their own, or need no engine.
APART = (
    *("tests/browser/test_frames.py", "tests/browser/test_take_part.py"),
    *("tests/pages/test_access.py", "tests/pages/test_take_part.py"),
)

# How long an example takes depends on what else runs on the machine.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def place(nodeid: str) -> str:
    """The folder, or the file, whose tests run in one process and one after the other."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    return folder if folder in TOGETHER and file not in APART else file


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a test needs; begin with what takes or waits longest, so that all end alike."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        for need, fixtures in NEEDS.items():
            if asked & fixtures:
                item.add_marker(need)
    waiting = {place(item.nodeid) for item in items if any(map(item.get_closest_marker, NEEDS))}

    def rank(item: pytest.Item) -> tuple[bool, bool]:
        where = place(item.nodeid)
        return where not in TOGETHER, where not in waiting

    items.sort(key=rank)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Hands out whole files, and whole folders of tests that belong together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place(nodeid)

    return ByPlace(config, log)


_present: pytest.Item | None = None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    global _present
    _present = item
    return (yield)


def _in_its_group(event: str, arguments: tuple[object, ...]) -> None:
    """A test that starts a worker, a browser, a server or a database has the marker for it."""
    if event != "subprocess.Popen" or _present is None:
        return
    words = arguments[1] if isinstance(arguments[1], (list, tuple)) else [arguments[0]]
    command = " ".join(map(os.fsdecode, words))
    for word, markers in STARTED.items():
        if f" {word}" in command or f"/{word}" in command:
            marked = any(_present.get_closest_marker(name) for name in markers)
            assert marked, f"{_present.nodeid} starts {word}: NEEDS must know its fixture"


sys.addaudithook(_in_its_group)


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Networks with random weights are the same ones, whichever tests ran before."""
    torch.manual_seed(0)


@pytest.fixture
def methods_restored(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Whatever methods of others a test takes are given up again."""
    from xai_core.explainers import METHODS, foreign, registry

    for variable in (foreign.FILE, foreign.HASH):
        monkeypatch.setenv(variable, "")  # so that it is undone
        monkeypatch.delenv(variable)
    lists = [registry.BASES, foreign._problems]
    tables = [METHODS, foreign._sources, foreign._files, foreign._read]
    before = [copy.copy(one) for one in (*lists, *tables)]
    yield
    for one, kept in zip((*lists, *tables), before, strict=True):
        one.clear()
        (one.extend if isinstance(one, list) else one.update)(kept)
