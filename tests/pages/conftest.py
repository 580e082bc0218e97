"""What every test of a page needs: an engine of its own, and a visitor at this machine."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from streamlit.components.v2 import manifest_scanner

from pages.components import access
from xai_core import jobs
from xai_core.cache import Cache
from xai_core.jobs import Engine, Job, Task
from xai_core.study import Store, shared_store


@pytest.fixture(scope="package", autouse=True)
def at_this_machine() -> Iterator[None]:
    """Without a server there is no connection whose address could be looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "_connection", lambda: (None, {}))
        yield


@pytest.fixture(scope="package", autouse=True)
def scanned_once() -> Iterator[None]:
    """AppTest makes a runtime for every run, which looks through all that is installed."""
    scan = manifest_scanner.scan_component_manifests
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", functools.cache(scan))
        yield


@pytest.fixture(autouse=True)
def own_main() -> Iterator[None]:
    """A page under test takes the place of the main module, which new processes run first."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "__main__", sys.modules["__main__"])
        yield


class Remembering(Engine):
    """Knows what it was asked for."""

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache=cache)
        self.asked: list[Job] = []

    def submit(self, tasks: Sequence[Task], owner: str) -> Job:
        job = super().submit(tasks, owner)
        self.asked.append(job)
        return job


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine with a cache of its own, for all pages, in place of the process-wide one."""
    made = Remembering(Cache(tmp_path_factory.mktemp("cache")))
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs.engine, "_shared", made)
    yield made
    patch.undo()
    made.close()


@pytest.fixture(autouse=True)
def left() -> Iterator[None]:
    """What a test has asked for and did not wait for keeps no other test waiting."""
    yield
    engine = jobs.engine._shared
    if isinstance(engine, Remembering):
        while engine.asked:
            engine.asked.pop().release()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A database of the test's own."""
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path))
    monkeypatch.delenv("XAI_DATABASE_URL", raising=False)
    made = shared_store()
    yield made
    made.close_all()
