"""What holds for every test: which process runs it, what it needs, the same random numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

# Two tests side by side are faster than one with two threads. It must be known before torch is.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest
import torch

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# What a test needs, by what it asks for: the marker, and the fixtures that start such a thing.
NEEDS = {
    "browser": {"browser", "page"},
    "worker": {"engine", "workers"},
    "database": {"cluster", "store_url", "empty_url", "sqlite_url", "taken_by_bots"},
}
# Their tests share a server and a browser, or an engine: they run in one process, and first.
TOGETHER = ("tests/browser", "tests/pages")

# How long an example takes depends on what else runs on the machine.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")


def place(nodeid: str) -> str:
    """The folder, or the file, whose tests run in one process and one after the other."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what a test needs; begin with what takes longest, so that both processes end alike."""
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        for need, fixtures in NEEDS.items():
            if asked & fixtures:
                item.add_marker(need)
    items.sort(key=lambda item: place(item.nodeid) not in TOGETHER)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """Hands out whole files, and whole folders of tests that belong together."""
    from xdist.scheduler import LoadScopeScheduling

    class ByPlace(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return place(nodeid)

    return ByPlace(config, log)


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Networks with random weights are the same ones, whichever tests ran before."""
    torch.manual_seed(0)
