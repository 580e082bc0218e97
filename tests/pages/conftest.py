"""What every test of a page needs: an engine of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from xai_core import jobs
from xai_core.cache import Cache
from xai_core.jobs import Engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine with an empty cache in place of the process-wide one."""
    made = Engine(cache=Cache(tmp_path_factory.mktemp("cache")))
    patch = pytest.MonkeyPatch()
    patch.setattr(jobs.engine, "_shared", made)
    yield made
    patch.undo()
    made.close()
