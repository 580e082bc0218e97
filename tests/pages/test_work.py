"""What a page wants, against an engine that is played by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pages.components import work
from tests import worker_functions
from tests.pages.waiting import LOOK_S, PATIENCE_S
from xai_core.cache import Result
from xai_core.jobs import Engine, Job, Task


class HandEngine:
    """Accepts jobs; the test finishes their tasks."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def submit(self, tasks: list[Task], owner: str) -> Job:
        self.jobs.append(Job(tasks, owner))
        return self.jobs[-1]

    def first(self, job: Job) -> None:
        self.jobs.sort(key=lambda one: one is not job)


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> HandEngine:
    made = HandEngine()
    monkeypatch.setattr(work, "shared_engine", lambda: made)
    monkeypatch.setattr(work.st, "session_state", {})
    return made


A, B = Task("a", Result), Task("b", Result)


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "This did not happen."
        time.sleep(LOOK_S)


def test_a_second_tab_waits_for_one_task_of_the_first_at_most(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = [tmp_path / str(number) for number in range(3)]
    long = [
        Task(file.as_posix(), worker_functions.busy_until, {"file": str(file)}) for file in files
    ]
    short = Task("short", worker_functions.pause, {"seconds": 0.1}, kept=False)
    monkeypatch.setattr(work.st, "session_state", {})
    first = work.gather("x", long, patience=0)
    until(lambda: first.job is not None and first.job.fraction > 0)
    monkeypatch.setattr(work.st, "session_state", {})
    second = work.gather("x", [short], patience=0)
    files[0].touch()
    until(lambda: second.job is not None and second.job.done)
    assert first.job is not None
    assert set(first.job.results) == {long[0].key}
    for file in files:
        file.touch()
    until(lambda: first.job is not None and first.job.done)


def test_what_is_under_way_is_not_asked_for_again(by_hand: HandEngine) -> None:
    work.gather("x", [A, B], patience=0)
    work.gather("x", [A, B], patience=0)
    assert len(by_hand.jobs) == 1
    by_hand.jobs[0].finish(A, Result())
    found = work.gather("x", [A, B], patience=0)
    assert set(found.results) == {"a"}
    assert found.running
    assert len(by_hand.jobs) == 1


def test_what_ends_while_the_page_looks_is_not_asked_for_again(
    by_hand: HandEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.gather("x", [A], patience=0)
    collect = work.Work.collect

    def ending(self: work.Work) -> None:
        collect(self)
        by_hand.jobs[0].finish(A, Result())

    monkeypatch.setattr(work.Work, "collect", ending)
    work.gather("x", [A], patience=0)
    assert len(by_hand.jobs) == 1


def test_what_is_no_longer_wanted_is_dropped(by_hand: HandEngine) -> None:
    work.gather("x", [A, B], patience=0)
    work.gather("x", [B], patience=0)
    assert by_hand.jobs[0].done, "nothing of the first job was running"
    assert [task.key for task in by_hand.jobs[1].waiting()] == ["b"]


def test_a_problem_stays_until_it_is_tried_again(by_hand: HandEngine) -> None:
    work.gather("x", [A], patience=0)
    by_hand.jobs[0].finish(A, "It failed.")
    assert work.gather("x", [A], patience=0).problems == {"a": "It failed."}
    assert len(by_hand.jobs) == 1
    work.gather("x", [A], patience=0).retry()
    again = work.gather("x", [A], patience=0)
    assert again.running
    assert not again.problems
    assert len(by_hand.jobs) == 2


def test_what_is_looked_at_goes_before_the_visitor_s_other_work(by_hand: HandEngine) -> None:
    work.gather("x", [A], patience=0)
    second = work.gather("y", [B], patience=0)
    second.first()
    assert by_hand.jobs[0] is second.job


def test_cancelling_keeps_what_is_finished(by_hand: HandEngine) -> None:
    found = work.gather("x", [A, B], patience=0)
    by_hand.jobs[0].finish(A, Result())
    found.cancel()
    assert not found.running
    assert set(found.results) == {"a"}
    assert found.problems == {"b": work.CANCELLED}
    work.gather("x", [A, B], patience=0)
    assert len(by_hand.jobs) == 1, "cancelled work does not start again by itself"
