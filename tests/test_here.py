"""Tasks without an engine of one's own: in this process, and on a cluster that is named."""

from contextlib import contextmanager

import numpy as np
import pytest

from tests import worker_functions
from xai_core.cache import Cache, Result
from xai_core.jobs import Task
from xai_core.jobs.here import carry_out
from xai_core.jobs.starting import Local
from xai_core.progress import listening


class Told:
    """A meter that remembers what it is told."""

    def __init__(self):
        self.lines, self.shares = [], []

    @contextmanager
    def step(self, title):
        with listening(self.shares.append):
            yield
        self.lines.append(title)

    def skip(self, title):
        self.lines.append(title)


@pytest.fixture(scope="module")
def scheduler():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", worker_functions.LIGHT)
        local = Local(2, 2**30)
    yield local.address
    local.close()


@pytest.fixture(params=["here", pytest.param("cluster", marks=pytest.mark.worker)])
def place(request, monkeypatch):
    """In this process, and on the workers of a cluster."""
    monkeypatch.delenv("XAI_SCHEDULER", raising=False)
    if request.param == "cluster":
        monkeypatch.setenv("XAI_SCHEDULER", request.getfixturevalue("scheduler"))
    return request.param


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path, memory_bytes=0)


def task(key, function="echo", kept=True, **arguments):
    return Task(key, getattr(worker_functions, function), arguments, 1.0, f"Task {key}", kept)


def test_every_task_is_given_with_its_result_or_its_sentence(place, cache):
    cache.put("there", Result(facts={"answer": 42}))
    meter = Told()
    tasks = [
        task("first", value=1),
        task("there", "die"),
        task("wrong", "told"),
        task("last", "pause", seconds=0.5),
        task("first", "echo", value=1),
    ]
    found = list(carry_out(tasks, cache, meter))
    assert [asked for asked, _ in found] == tasks
    first, there, wrong, last, again = (outcome for _, outcome in found)
    np.testing.assert_array_equal(first.arrays["value"], np.float32([1, 1]))
    np.testing.assert_array_equal(again.arrays["value"], first.arrays["value"])
    assert there.facts == {"answer": 42}
    assert wrong == "This method cannot explain this model."
    assert "ended" in last.facts
    assert [line.split(",")[0] for line in meter.lines] == [one.title for one in tasks]
    assert "Task there, already there" in meter.lines
    assert max(meter.shares) > 0, "progress within a task is told"
    assert {key: key in cache for key in ("first", "wrong", "last")} == {
        "first": True, "wrong": False, "last": True
    }  # fmt: skip


def test_parts_are_kept_each_by_its_key(place, cache):
    tasks = [
        task("both", "several", values={"a": 1, "b": 2}),
        task("temporary", kept=False, value=3),
    ]
    (_, both), (_, temporary) = carry_out(tasks, cache)
    assert set(both.facts["parts"]) == {"a", "b"}
    assert both.facts["parts"]["a"] == cache.get("a").facts
    np.testing.assert_array_equal(cache.get("b").arrays["value"], [2, 2])
    assert temporary.arrays["value"].tolist() == [3, 3]
    assert "both" not in cache
    assert "temporary" not in cache


def test_what_is_unexpected_is_raised_here(cache, monkeypatch):
    monkeypatch.delenv("XAI_SCHEDULER", raising=False)
    done = carry_out([task("first", value=1), task("bug", "bug")], cache)
    assert next(done)[0].key == "first"
    assert "first" in cache, "it is kept before the next one begins"
    with pytest.raises(ZeroDivisionError):
        next(done)
