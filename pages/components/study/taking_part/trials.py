"""Trials: what the browser shows, and the answer that it sends.

The answer is stored before anything is drawn, so that one run stores it and shows what comes
next. Only what is in the database is called saved.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components.study import stimuli
from pages.components.study.taking_part.visit import LastAnswer, present
from pages.components.study.trial import trial
from xai_core.study.design import ESCAPES
from xai_core.study.participation.screens import ClientTimes, ShownTrial

KEY = "trial"
_KEY = re.compile(r"[0-9A-Za-z-]{16,64}")
MOST = 2**31 - 1  # what every database holds in a whole number
ELSEWHERE = (
    "This trial was answered in another window; that answer stays. You go on here where you are."
)
UNREADABLE = "This answer could not be read. Please choose again."


def show(shown: ShownTrial) -> None:
    """The present trial."""
    sent = trial(_data(shown), key=KEY)
    if _is_new(sent):
        # A new session, as after a restart of the server, hears of an answer under way only now.
        take_answer(sent)
        st.rerun()


def take_answer(sent: Any = None) -> None:
    """Store the answer that came with this run, once.

    Args:
        sent: the answer; by default what the browser said since the last run.
    """
    if sent is None:
        state = st.session_state.get(KEY)
        sent = state.get("answer") if isinstance(state, Mapping) else None
    if not _is_new(sent):
        return
    visit, name, answer = present(), _name(sent), _read(sent)
    if answer is None:
        visit.answer = LastAnswer(name, refused=_refusal(sent, UNREADABLE, final=True))
    elif visit.take(lambda part, ticket: part.answer(ticket, *answer)):
        elsewhere = visit.screen is not None and visit.screen.elsewhere
        visit.answer = LastAnswer(name, saved=answer[2], notice=ELSEWHERE if elsewhere else "")
    else:
        refusal = _refusal(sent, visit.pop_problem(), final=not visit.away)
        visit.answer = LastAnswer(name, refused=refusal)


def _name(sent: Mapping[str, Any]) -> tuple[str, str]:
    return str(sent.get("key")), str(sent.get("attempt"))


def _is_new(sent: Any) -> bool:
    return isinstance(sent, Mapping) and present().answer.name != _name(sent)


def _refusal(sent: Mapping[str, Any], sentence: str, final: bool) -> dict[str, Any]:
    """Why an answer is not saved; ``final`` if sending it again does not help."""
    key, attempt = sent.get("key"), sent.get("attempt")
    return {"key": key, "attempt": attempt, "text": sentence, "final": final}


def _read(sent: Mapping[str, Any]) -> tuple[int, str, str, ClientTimes] | None:
    """The answer, if it is one. What the browser sends comes from outside."""
    number, choice, key = sent.get("trial"), sent.get("choice"), sent.get("key")
    if type(number) is not int or not 0 < number <= MOST:
        return None
    if not isinstance(choice, str) or not isinstance(key, str) or not _KEY.fullmatch(key):
        return None
    times = ClientTimes(
        shown_at=_positive(sent.get("shown_at"), 2.0**53),
        answered_at=_positive(sent.get("answered_at"), 2.0**53),
        duration_ms=_whole(sent.get("duration_ms")),
        focus_losses=_whole(sent.get("focus_losses")) or 0,
        hidden_ms=_whole(sent.get("hidden_ms")) or 0,
    )
    return number, choice, key, times


def _positive(value: Any, most: float) -> float | None:
    good = isinstance(value, int | float) and 0 <= value <= most  # NaN is not
    return float(value) if good else None


def _whole(value: Any) -> int | None:
    number = _positive(value, MOST)
    return None if number is None else round(number)


def _data(shown: ShownTrial) -> dict[str, Any]:
    """What the browser needs of a trial: letters and addresses that tell nothing."""
    visit = present()
    # Tuples, because Streamlit asks pandas of every list whether it is a table.
    return {
        "trial": shown.id,
        "number": shown.number,
        "total": shown.total,
        "practice": shown.practice,
        "instruction": shown.instruction,
        "question": shown.question,
        "original": stimuli.address(shown.original),
        "options": tuple((letter, stimuli.address(name)) for letter, name in shown.options),
        "escapes": tuple(ESCAPES.items()),
        "next": tuple(map(stimuli.address, shown.next_pictures)),
        "saved": visit.answer.saved,
        "problem": visit.answer.refused,
        "notice": visit.pop_problem() or visit.answer.notice,
    }
