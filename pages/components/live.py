"""Progress of a job: how far, how long still, what lies before it, and a way to stop it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from pages.components.text import plain
from pages.components.times import in_line, may_go_first, time_left, waits
from pages.components.work import CANCELLED, Work, gather
from xai_core.cache import Result
from xai_core.jobs import Task

EVERY_S = 0.4
DONE = "Everything is computed."
ROW = 48  # pixels
LOOK = """<style>
[class*="st-key-progress-"] { flex-wrap: nowrap; overflow: hidden auto; }
[class*="st-key-progress-"] button { white-space: nowrap; }
@media (max-width: 640px) {
  [class*="st-key-progress-"] { gap: 0.5rem; }
  [class*="st-key-progress-"] [data-testid="stProgress"] p,
  [class*="st-key-progress-"] [data-testid="stCaptionContainer"] p {
    font-size: 0.75rem; line-height: 1.15;
  }
  [class*="st-key-progress-"] button { padding: 0 0.5rem; }
  [class*="st-key-progress-"] button p { font-size: 0.75rem; }
}
</style>"""
FIRST = "Your other work goes on when this is done."
STOPPED = "Cancelled. What was finished before is shown."


def live(
    draw: Callable[[], object],
    *works: Work,
    every_s: float = EVERY_S,
    idle_s: float | None = None,
) -> None:
    """Draw what changes while results arrive: now, and again and again while works are running.

    When one of them has ended, the whole page runs again, once, because it may want something
    else now. Each drawing sees the works as they have just been collected.

    Args:
        draw: what changes; its controls run it alone.
        works: what it depends on.
        every_s: seconds between two drawings while any of the works is running.
        idle_s: the same while none is; None to leave it at one.
    """
    awaited = [work for work in works if work.running]

    def redraw() -> None:
        for work in works:
            work.collect()
        if not all(work.running for work in awaited):
            st.rerun()
        draw()

    st.fragment(redraw, run_every=every_s if awaited else idle_s)()


def finished(work: Work, tasks: Sequence[Task], label: str, note: str = "") -> bool:
    """Whether the results of all tasks are there.

    Until then the progress of the work, or why it has failed, is on the page, and the page runs
    again when they have come.

    Args:
        work: what makes them.
        tasks: the tasks.
        label: what is being done, while no task says it.
        note: a sentence beside the progress.
    """
    if all(task.key in work.results for task in tasks):
        return True
    problems = [work.problems[task.key] for task in tasks if task.key in work.problems]
    if work.running:
        live(partial(bar, work, label, note), work)
    elif problems:
        problem(problems[0], work)
    return False


def wait_for(purpose: str, task: Task, label: str) -> Result:
    """The one result that the rest of the page needs; until it is there, the run ends here.

    It takes turns with the visitor's other work, which may take long.
    """
    work = gather(purpose, [task], patience=1.5, aside=True)
    return work.results[task.key] if finished(work, [task], label) else st.stop()


def problem(sentence: str, work: Work) -> None:
    """A sentence about what went wrong, and another try."""
    st.error(plain(sentence), icon=":material/error:")
    if st.button("Try again", key=f"retry {sentence}"):
        work.retry()
        st.rerun()


def bar(work: Work, label: str, note: str = "") -> None:
    """The progress bar of a running job, with its cancel button, or what it waits for.

    Args:
        work: the work.
        label: as in ``finished``.
        note: likewise.
    """
    if work.job is None:
        return
    row = _row(label)
    row.progress(work.job.fraction, text=" · ".join(filter(None, [told(work, label), note])))
    if may_go_first(work.job.outlook) and row.button(
        "Compute this first", key=f"first {label}", help=FIRST
    ):
        work.first()
        st.rerun()
    if row.button("Cancel", key=f"cancel {label}"):
        work.cancel()
        st.rerun()


def told(work: Work, label: str) -> str:
    """What is being done and how long it still takes, or what is done before it."""
    if work.job is None:
        return label
    outlook = work.job.outlook
    if waits(outlook):
        return in_line(outlook)
    return f"{work.job.current or label} · {time_left(outlook)}"


def status(
    work: Work,
    label: str,
    failure: Callable[[Sequence[str]], str] = lambda sentences: plain(sentences[0]),
    again: Callable[[Work], None] = Work.retry,
) -> None:
    """One line of constant height: progress, or how it ended, with a way to go on if need be.

    Args:
        work: the work.
        label: what is being done, while no task says it.
        failure: what is said of the reasons why something could not be computed, as markdown.
        again: what makes the next run compute the rest.
    """
    if work.running:
        bar(work, label)
    elif not work.problems:
        said(DONE, label)
    else:
        failed = [sentence for sentence in work.problems.values() if sentence != CANCELLED]
        offer_the_rest(failure(failed) if failed else STOPPED, [work], label, again)


def said(sentence: str, label: str) -> None:
    """A sentence, as markdown, where the progress bar of this label was or will be."""
    _row(label).caption(sentence)


def offer_the_rest(
    sentence: str,
    works: Sequence[Work],
    label: str,
    again: Callable[[Work], None] = Work.retry,
) -> None:
    """How works ended that have not given everything, and a way to go on.

    Args:
        sentence: how they ended, as markdown.
        works: the works.
        label: of their progress bar, whose place this takes.
        again: makes the next run compute the rest of one.
    """
    row = _row(label)
    row.caption(sentence)
    if row.button("Compute the rest", key=f"rest {label}"):
        for work in works:
            again(work)
        st.rerun()


def _row(label: str) -> Any:
    """A row as high as a progress bar, whatever stands in it."""
    row = st.container(
        horizontal=True,
        vertical_alignment="center",
        height=ROW,
        border=False,
        key=f"progress {label}",
    )
    row.html(LOOK)
    return row
