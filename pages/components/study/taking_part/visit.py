"""One visit: every step that is taken, what came of it, and what went wrong.

A visit lives in the browser session. The database knows better: whoever comes with an empty
session is shown the same screen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st

from pages.components.study.taking_part import visitor_address
from pages.components.text import plain
from xai_core.errors import StudyError, StudyUnavailableError
from xai_core.study import shared_store
from xai_core.study.participation.screens import Screen, Ticket
from xai_core.study.participation.taking_part import TakingPart

STATE = "_take_part"

Step = Callable[[TakingPart, Ticket], Screen]


@dataclass(frozen=True)
class LastAnswer:
    """What became of the answer that the browser sent last.

    Attributes:
        name: its key and which attempt it was; None before the first answer.
        saved: its key, once it is in the database.
        refused: why it is not, in the words of the trial's component.
        notice: a sentence about it.
    """

    name: tuple[str, str] | None = None
    saved: str | None = None
    refused: dict[str, Any] | None = None
    notice: str = ""


@dataclass
class Visit:
    """What this visit knows.

    Attributes:
        ticket: who comes.
        screen: the last one that the database gave.
        fresh: whether it was asked in this run.
        problem: what went wrong with the last step, a sentence to be shown once.
        away: whether the database could not be reached.
        tries: runs of the page that did not reach it and knew no screen.
        withdrawal: the code, or "" where this address does not tell it.
        counted: whether the visit is in the database's count.
        declined: whether the visitor does not want to take part.
        leaving: whether withdrawing is asked for.
        left: whether it is done.
        answer: what became of the last answer.
    """

    ticket: Ticket
    screen: Screen | None = None
    fresh: bool = False
    problem: str = ""
    away: bool = False
    tries: int = 0
    withdrawal: str = ""
    counted: bool = False
    declined: bool = False
    leaving: bool = False
    left: bool = False
    answer: LastAnswer = field(default_factory=LastAnswer)

    def take(self, step: Step) -> bool:
        """Take one step; whether it was taken."""
        try:
            screen = step(TakingPart(shared_store()), self.ticket)
        except StudyUnavailableError as error:
            # Not asked for again in this run: whoever waits for a database waits long.
            self.problem, self.away, self.fresh = str(error), True, True
            return False
        except StudyError as error:
            self.problem = str(error)
            return False
        self.screen, self.away, self.fresh = screen, False, True
        if screen.me:
            self.ticket = replace(self.ticket, me=screen.me)
        self.withdrawal = screen.withdrawal or self.withdrawal
        return True

    def current(self) -> Screen | None:
        """The screen to show now; None if the database is away and no screen is known."""
        if not self.fresh:
            self.take(TakingPart.serve)
        return self.screen

    def pop_problem(self) -> str:
        """What went wrong with the last step, to be shown once; empty if nothing did."""
        problem, self.problem = self.problem, ""
        return problem

    def show_problem(self) -> None:
        """What went wrong with the last step, near the button that takes it again."""
        if problem := self.pop_problem():
            st.error(plain(problem), icon=":material/error:")

    def count_once(self) -> None:
        """Count a newcomer who sees the consent, once for each browser session."""
        if self.counted:
            return
        try:
            TakingPart(shared_store()).visited(self.ticket)
        except StudyError:
            return  # the next run tries again
        self.counted = True


def begin() -> Visit:
    """The visit at the beginning of a run; another address begins a new one."""
    asked = visitor_address.asked()
    visit: Visit | None = st.session_state.get(STATE)
    if visit is None or not _same(visit.ticket, asked):
        visit = st.session_state[STATE] = Visit(asked)
    if visit.ticket.me:
        visitor_address.keep(visit.ticket, asked)
    return visit


def present() -> Visit:
    """The visit of this run."""
    visit: Visit = st.session_state[STATE]
    return visit


def _same(ticket: Ticket, asked: Ticket) -> bool:
    """Whether it is the same visitor; the browser's Back may have taken the token away."""
    return ticket == asked or (ticket.me != "" and replace(ticket, me="") == asked)
