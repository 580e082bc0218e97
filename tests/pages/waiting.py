"""Pages that compute: run until they have what is waited for."""

import time

import pytest

PATIENCE_S = 90.0


def until(app, condition):
    """The page after its works, by purpose, fulfil the condition."""
    deadline, works = time.monotonic() + PATIENCE_S, {}
    app.run(timeout=PATIENCE_S)
    while time.monotonic() < deadline:
        works = app.session_state["_work"] if "_work" in app.session_state else {}  # noqa: SIM401
        if condition(works):
            return app.run(timeout=PATIENCE_S)
        time.sleep(0.2)
        app.run(timeout=PATIENCE_S)
    pytest.fail(f"The page did not settle. {told(works)}")


def told(works):
    """What each work of a page says: whether it is running, and the sentences of what failed."""
    return " ".join(
        f"{purpose}: {'running' if work.running else 'ended'}, {len(work.results)} results,"
        f" problems {sorted(work.problems.values())}."
        for purpose, work in works.items()
    )
