"""Progress of a job: how far, how long still, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.components.text import plain
from pages.components.work import CANCELLED, Work, gather
from xai_core.cache import Result
from xai_core.jobs import Task

EVERY_S = 0.4


def wait_for(purpose: str, task: Task, label: str) -> Result:
    """The one result that the rest of the page needs.

    While it is not there, the run ends here with its progress (or its problem) on the page,
    and the page runs again when it has come.
    """
    work = gather(purpose, [task], patience=1.5)
    if task.key in work.results:
        return work.results[task.key]
    if task.key in work.problems:
        problem(work.problems[task.key], work)
        st.stop()
    watch(work, label)
    return st.stop()


def watch(work: Work, label: str) -> None:
    """The bar of running work; the page runs again when it has ended."""
    st.fragment(_watch, run_every=EVERY_S)(work, label)


def problem(sentence: str, work: Work) -> None:
    """A sentence about what went wrong, and another try."""
    st.error(plain(sentence), icon=":material/error:")
    if st.button("Try again", key=f"retry {sentence}"):
        work.retry()
        st.rerun()


def bar(work: Work, label: str) -> None:
    """The progress bar of a running job with its cancel button."""
    if work.job is None:
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    current = work.job.current or label
    left.progress(min(1.0, work.job.fraction), text=f"{current} · {time_left(work)}")
    if right.button("Cancel", key=f"cancel {label}", width="stretch"):
        work.cancel()
        st.rerun()


def status(
    work: Work,
    label: str,
    failure: Callable[[Sequence[str]], str] = lambda sentences: plain(sentences[0]),
    again: Callable[[Work], None] = Work.retry,
) -> None:
    """One line of constant height: progress, or how it ended, with a way to go on.

    Args:
        work: the work.
        label: what is being done, while no task says it.
        failure: what is said of the reasons why something could not be computed, as markdown.
        again: what makes the next run compute the rest.
    """
    with st.container(height=48, border=False):
        if work.running:
            bar(work, label)
            return
        if not work.problems:
            return
        failed = [sentence for sentence in work.problems.values() if sentence != CANCELLED]
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.caption(failure(failed) if failed else "Cancelled. What was finished before is shown.")
        if right.button("Compute the rest", width="stretch"):
            again(work)
            st.rerun()


def time_left(work: Work) -> str:
    """Time left in words."""
    seconds = work.job.seconds_left if work.job is not None else None
    if seconds is None:
        return "estimating the time left"
    return f"about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds in words, such as "40 s" or "12 min"."""
    return f"{max(1, round(seconds))} s" if seconds < 90 else f"{round(seconds / 60)} min"


def _watch(work: Work, label: str) -> None:
    work.collect()
    if not work.running:
        st.rerun()
    bar(work, label)
