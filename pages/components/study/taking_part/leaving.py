"""Withdrawal: at any time, by oneself, and then nothing is left."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part.visit import present
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.participation.taking_part import TakingPart

WRONG = (
    "No one takes part under this code. Please check it letter by letter; if the data were "
    "deleted before, there is nothing left to delete."
)


def offer() -> None:
    """A small button at the foot of each screen."""
    newcomer = _is_newcomer()
    title = "I took part before and want to withdraw" if newcomer else "Withdraw from the study"
    st.button(title, key="withdraw", type="tertiary", on_click=_set_leaving, args=(True,))


def ask() -> None:
    """Whether it is meant."""
    newcomer = _is_newcomer()
    st.subheader("Withdraw from the study", anchor=False)
    st.write(
        "Everything that was stored about you is deleted: your answers, the times, and what you "
        "told about yourself. It cannot be brought back. Nobody asks you for a reason."
    )
    if newcomer:
        st.text_input("Your withdrawal code", key="withdraw_code", max_chars=200)
    present().show_problem()
    with st.container(horizontal=True):
        st.button(
            "Delete my data and leave", key="withdraw_confirm", type="primary", on_click=_leave
        )
        title = "Back" if newcomer else "Go on taking part"
        st.button(title, key="withdraw_cancel", on_click=_set_leaving, args=(False,))


def left() -> None:
    """It is done."""
    st.subheader("You have withdrawn", anchor=False)
    st.write("Everything that was stored about you has been deleted. You can close this page.")


def _set_leaving(leaving: bool) -> None:
    present().leaving = leaving


def _is_newcomer() -> bool:
    screen = present().screen
    return screen is not None and screen.kind == "consent"


def _leave() -> None:
    visit, newcomer = present(), _is_newcomer()
    try:
        part = TakingPart(shared_store())
        if newcomer:
            done = part.withdraw(str(st.session_state.get("withdraw_code", "")).strip())
        else:
            done = part.withdraw_me(visit.ticket)
    except StudyError as error:
        visit.problem = str(error)
        return
    if newcomer and not done:
        visit.problem = WRONG
        return
    visit.left, visit.leaving, visit.screen, visit.withdrawal = True, False, None, ""
