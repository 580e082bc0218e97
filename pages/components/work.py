"""A page's computations: what is wanted now is computed, what is no longer wanted is not."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

import streamlit as st

from xai_core.cache import Result
from xai_core.jobs import Job, Task, shared_engine, shared_thread_engine

CANCELLED = "Cancelled."


@dataclass
class Work:
    """One purpose of one visitor: results and problems so far, and the running job.

    What it says stays the same until it is collected, so that one run of a page sees one state.
    """

    results: dict[str, Result] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    job: Job | None = None
    ended: bool = False

    @property
    def running(self) -> bool:
        """Whether anything was still being computed when this was last collected."""
        return self.job is not None and not self.ended

    def collect(self) -> None:
        """Take over what the job has finished."""
        if self.job is not None:
            self.ended = self.job.done  # asked first, so that no end is seen without its results
            results = self.job.results  # each is read from the disk: once is enough
            for key in (self.asked & results.keys()) - self.results.keys():
                found = results.get(key)
                if found is not None:
                    self.results[key] = found
            self.problems.update(self.job.errors)

    def cancel(self) -> None:
        """Stop now; what is missing counts as cancelled until ``retry``."""
        if self.job is None:
            return
        self.job.cancel()
        self.collect()
        for key in self.asked - self.results.keys():
            self.problems.setdefault(key, CANCELLED)

    def first(self) -> None:
        """Compute this before the visitor's other work."""
        if self.job is not None:
            shared_engine().first(self.job)

    def retry(self) -> None:
        """Forget the ended job and its problems, so that the next run computes what is missing."""
        self.job = None
        self.problems.clear()


def owner() -> str:
    """A name for this visitor's session, so that the engine can be fair."""
    name: str = st.session_state.setdefault("_owner", uuid.uuid4().hex)
    return name


def release_all() -> None:
    """Want nothing any more."""
    works: dict[str, Work] = st.session_state.get("_work", {})
    for work in works.values():
        if work.job is not None:
            work.job.release()


def gather(
    purpose: str,
    tasks: Sequence[Task],
    patience: float = 0.2,
    aside: bool = False,
    light: bool = False,
) -> Work:
    """Results of ``tasks`` as far as there are any; what is missing is under way.

    Args:
        purpose: name of this piece of work within the visitor's session.
        tasks: all that is wanted now.
        patience: seconds to wait for quick results, so that they need no second drawing.
        aside: whether it takes turns with the visitor's other work instead of joining its queue.
        light: whether each task takes a moment, so that none need wait for a worker.
    """
    works: dict[str, Work] = st.session_state.setdefault("_work", {})
    work = works.setdefault(purpose, Work())
    work.collect()
    wanted = {task.key for task in tasks}
    work.results = {key: value for key, value in work.results.items() if key in wanted}
    known = work.results.keys() | work.problems.keys()
    missing = [task for task in tasks if task.key not in known]
    outstanding = work.asked - known if work.running else set()
    if {task.key for task in missing} != outstanding:
        if work.job is not None:
            work.job.release()
        work.asked = {task.key for task in missing}
        name = f"{owner()} {purpose}" if aside else owner()
        engine = shared_thread_engine() if light else shared_engine()
        work.job = engine.submit(missing, name) if missing else None
    if work.job is not None:
        work.job.wait(patience)
        work.collect()
    return work
