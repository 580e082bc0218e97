"""Tasks that take a moment, done by a thread of this process."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.pages.waiting import PATIENCE_S
from xai_core.cache import Cache, Result
from xai_core.errors import ImageError
from xai_core.jobs.failures import FAILED
from xai_core.jobs.task import Task
from xai_core.jobs.thread import ThreadEngine

done: list[str] = []
begin = threading.Event()


def told(name: str) -> Result:
    begin.wait(PATIENCE_S)
    done.append(name)
    if name == "wrong":
        raise ImageError("It is no picture.")
    if name == "broken":
        raise ZeroDivisionError
    return Result(facts={"name": name})


@pytest.fixture
def engine(tmp_path: Path) -> ThreadEngine:
    done.clear()
    begin.set()
    return ThreadEngine(Cache(tmp_path))


def tasks(*names: str) -> list[Task]:
    return [Task(f"{ord(name[0]):064x}", told, {"name": name}) for name in names]


def test_what_is_done_once_is_kept(engine: ThreadEngine) -> None:
    job = engine.submit(tasks("a", "b"), "one")
    assert job.wait(PATIENCE_S)
    assert [job.results[task.key].facts["name"] for task in tasks("a", "b")] == ["a", "b"]
    again = engine.submit(tasks("b", "a"), "two")
    assert again.done, "the cache has it"
    assert done == ["a", "b"]


def test_a_failure_is_a_sentence_and_costs_nobody_else_anything(
    engine: ThreadEngine, caplog: pytest.LogCaptureFixture
) -> None:
    asked = tasks("wrong", "broken", "c")
    job = engine.submit(asked, "one")
    assert job.wait(PATIENCE_S)
    assert job.errors == {asked[0].key: "It is no picture.", asked[1].key: FAILED}
    assert job.results[asked[2].key].facts == {"name": "c"}
    assert "ZeroDivisionError" in caplog.text


def test_who_comes_later_with_little_need_not_wait_for_all_of_the_first(
    engine: ThreadEngine,
) -> None:
    begin.clear()
    many = engine.submit(tasks("a", "b", "c", "d"), "one")
    few = engine.submit(tasks("x"), "two")
    begin.set()
    assert many.wait(PATIENCE_S)
    assert few.wait(PATIENCE_S)
    assert done.index("x") <= 2


def test_what_is_not_wanted_any_more_is_not_done(engine: ThreadEngine) -> None:
    begin.clear()
    job = engine.submit(tasks("a", "b"), "one")
    job.cancel()
    begin.set()
    other = engine.submit(tasks("c"), "two")
    assert other.wait(PATIENCE_S)
    assert "b" not in done
