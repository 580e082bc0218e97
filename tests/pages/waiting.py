"""Pages that compute: run when a computation has ended, until they have what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import pytest
from streamlit.testing.v1 import AppTest

from pages.components.work import Work
from xai_core.jobs import Job

# Matters only where something fails: generous, because a busy machine may take its time.
PATIENCE_S = 300.0
LOOK_S = 0.01


def until(app: AppTest, condition: Callable[[Mapping[str, Work]], bool]) -> AppTest:
    """The page after its works, by purpose, fulfil the condition."""
    deadline, drawn = time.monotonic() + PATIENCE_S, None
    while time.monotonic() < deadline:
        checked(app.run(timeout=PATIENCE_S))
        jobs = [work.job for work in works(app).values() if work.job is not None]
        if condition(works(app)):
            # Once more, unless all that ran had ended before this run began.
            return app if jobs == drawn else checked(app.run(timeout=PATIENCE_S))
        one_ended(jobs, deadline)
        drawn = jobs if all(job.done for job in jobs) else None
    pytest.fail(f"The page did not settle. {told(works(app))}")


def checked(app: AppTest) -> AppTest:
    """The page, on which nothing went wrong."""
    assert not app.exception, app.exception[0].message
    return app


def ended(*purposes: str) -> Callable[[Mapping[str, Work]], bool]:
    """The condition that these works are there and have ended."""
    return lambda works: all(name in works and not works[name].running for name in purposes)


def arrived(purpose: str) -> Callable[[Mapping[str, Work]], bool]:
    """The condition that a work has some result."""
    return lambda works: purpose in works and bool(works[purpose].results)


def works(app: AppTest) -> Mapping[str, Work]:
    """What the page has asked for, by purpose."""
    return app.session_state["_work"] if "_work" in app.session_state else {}  # noqa: SIM401


def one_ended(jobs: list[Job], deadline: float) -> None:
    """Wait until one of those that run has ended."""
    running = [job for job in jobs if not job.done]
    while running and not any(job.done for job in running) and time.monotonic() < deadline:
        time.sleep(LOOK_S)


def told(found: Mapping[str, Work]) -> str:
    """What each work of a page says: whether it is running, and the sentences of what failed."""
    return " ".join(
        f"{purpose}: {'running' if work.running else 'ended'}, {len(work.results)} results,"
        f" problems {sorted(work.problems.values())}."
        for purpose, work in found.items()
    )
