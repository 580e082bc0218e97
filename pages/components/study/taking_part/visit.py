"""One visit: every step that is taken, what came of it, and what went wrong.

The facts of a visit live in the browser session. The database knows better: whoever comes with
an empty session is shown the same screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.study.taking_part import address
from pages.components.text import plain
from xai_core.errors import StudyError, StudyUnavailableError
from xai_core.study import shared_store
from xai_core.study.participation.screens import Screen, Ticket
from xai_core.study.participation.taking_part import TakingPart

STATE = "_take_part"

Step = Callable[[TakingPart, Ticket], Screen]


def begin() -> dict[str, Any]:
    """The facts at the beginning of a run; another address begins with none."""
    asked = address.asked()
    known = st.session_state.get(STATE)
    if known is None or not _same(known["ticket"], asked):
        known = st.session_state[STATE] = {"ticket": asked, "screen": None}
    if known["ticket"].me:
        address.keep(known["ticket"], asked)
    return known


def facts() -> dict[str, Any]:
    """What this visit knows.

    ``ticket``, ``screen`` (the last), ``fresh`` (it is from this run), ``problem`` (a sentence),
    ``away`` (the database could not be reached), ``withdrawal`` (the code), ``leaving`` and
    ``left`` (withdrawal asked for, and done), ``declined``, ``visited``, and what ``trials``
    remembers.
    """
    known: dict[str, Any] = st.session_state[STATE]
    return known


def _same(ticket: Ticket, asked: Ticket) -> bool:
    """Whether it is the same visitor; the browser's Back may have taken the token away."""
    return ticket == asked or (ticket.me != "" and replace(ticket, me="") == asked)


def take(step: Step) -> bool:
    """Take one step; whether it was taken."""
    known = facts()
    try:
        screen = step(TakingPart(shared_store()), known["ticket"])
    except StudyUnavailableError as error:
        # Not asked for again in this run: whoever waits for a database waits long.
        known.update(problem=str(error), away=True, fresh=True)
        return False
    except StudyError as error:
        known["problem"] = str(error)
        return False
    known.update(screen=screen, away=False, fresh=True)
    if screen.me:
        known["ticket"] = replace(known["ticket"], me=screen.me)
    if screen.withdrawal:
        known["withdrawal"] = screen.withdrawal
    return True


def current(fresh: bool) -> Screen | None:
    """The screen to show now; None if the database is away and no screen is known.

    Args:
        fresh: whether a step of this very run has led to the last screen.
    """
    known = facts()
    if not fresh:
        take(TakingPart.serve)
    screen: Screen | None = known["screen"]
    return screen


def show_problem() -> None:
    """What went wrong with the last step, near the button that takes it again."""
    problem = facts().pop("problem", "")
    if problem:
        st.error(plain(problem), icon=":material/error:")


def count_once() -> None:
    """Count a newcomer who sees the consent, once for each browser session."""
    known = facts()
    if known.get("visited"):
        return
    try:
        TakingPart(shared_store()).visited(known["ticket"])
    except StudyError:
        return  # the next run tries again
    known["visited"] = True
