"""What changes while results arrive: drawn again and again, and no end is missed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.components import live
from pages.components.work import Work
from xai_core.cache import Result
from xai_core.jobs import Job, Task

A, B = Task("a", print), Task("b", print)


class PageRunsAgain(Exception):  # noqa: N818
    """In place of Streamlit's."""


@pytest.fixture
def fragments(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Callable[[], None], float | None]]:
    """The fragments that were made, each with the seconds between its runs."""
    made: list[tuple[Callable[[], None], float | None]] = []

    def fragment(run: Callable[[], None], run_every: float | None) -> Callable[[], None]:
        made.append((run, run_every))
        return run

    def rerun() -> None:
        raise PageRunsAgain

    monkeypatch.setattr(live.st, "fragment", fragment)
    monkeypatch.setattr(live.st, "rerun", rerun)
    return made


def test_it_is_drawn_until_the_work_ends_and_then_the_page_runs_again(fragments) -> None:  # type: ignore[no-untyped-def]
    job, drawn = Job([A, B], "somebody"), []
    work = Work(asked={"a", "b"}, job=job)
    live.live(lambda: drawn.append(set(work.results)), work)
    ((poll, every_s),) = fragments
    assert every_s == live.EVERY_S
    job.finish(A, Result())
    poll()
    assert drawn == [set(), {"a"}]
    job.finish(B, Result())
    with pytest.raises(PageRunsAgain):
        poll()
    live.live(lambda: drawn.append(set(work.results)), work)
    assert drawn[2:] == [{"a", "b"}]
    assert fragments[-1][1] is None


def test_an_end_between_the_question_and_the_drawing_is_not_missed(fragments) -> None:  # type: ignore[no-untyped-def]
    job = Job([A], "somebody")
    work = Work(job=job)
    work.collect()
    job.finish(A, Result())
    assert work.running, "what a run of the page has seen stays so"
    with pytest.raises(PageRunsAgain):
        live.live(lambda: None, work)


def test_the_first_of_several_works_to_end_runs_the_page_again(fragments) -> None:  # type: ignore[no-untyped-def]
    one, other, idle = Job([A], "somebody"), Job([B], "somebody"), Work()
    live.live(lambda: None, Work(job=one), Work(job=other), idle)
    ((poll, _),) = fragments
    poll()
    other.finish(B, "It failed.")
    with pytest.raises(PageRunsAgain):
        poll()


def waiting_bar() -> None:
    """A page whose work waits for other work of the same visitor's."""
    import streamlit as st

    from pages.components.live import bar
    from pages.components.work import Work
    from xai_core.jobs import Job, Task
    from xai_core.jobs.outlook import Outlook

    class Noted(Work):
        def first(self) -> None:
            st.session_state.first = True

    own = 0.0 if "first" in st.session_state else 1620.0
    found = Outlook(waits=own > 0, place=3, before=own, own=own)
    bar(Noted(job=Job([Task("a", print)], "me", look=lambda _: found)), "Computing")


def test_what_waits_can_be_put_first() -> None:
    app = AppTest.from_function(waiting_bar).run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Compute this first", "Cancel"]
    app.button[0].click().run()
    assert not app.exception
    assert [button.label for button in app.button] == ["Cancel"]


def test_what_is_idle_is_looked_at_as_often_as_is_asked(fragments) -> None:  # type: ignore[no-untyped-def]
    live.live(lambda: None, idle_s=10)
    assert fragments[-1][1] == 10
