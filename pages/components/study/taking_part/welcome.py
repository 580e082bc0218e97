"""What comes before the trials: consent, questions about oneself, instructions."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part import address, questions, visit
from pages.components.text import plain
from xai_core.study.participation.screens import Screen, Ticket
from xai_core.study.participation.taking_part import TakingPart


def consent(screen: Screen) -> None:
    """What taking part means, and the two answers to it."""
    visit.count_once()
    st.header(plain(screen.title), anchor=False)
    st.text(screen.design.consent.text)
    visit.show_problem()
    with st.container(horizontal=True):
        st.button("I agree and take part", key="agree", type="primary", on_click=_agree)
        st.button("I do not want to take part", key="decline", on_click=_decline)


def _agree() -> None:
    visit.take(lambda part, ticket: part.consent(ticket, True))


def _decline() -> None:
    if visit.take(lambda part, ticket: part.consent(ticket, False)):
        visit.facts()["declined"] = True


def background(screen: Screen) -> None:
    """The questions about the participant."""
    st.subheader("A few questions about you", anchor=False)
    with st.form("background", border=False):
        for question in screen.design.background:
            questions.ask(question)
        visit.show_problem()
        st.form_submit_button(
            "Continue",
            key="background_submit",
            type="primary",
            on_click=_answer_background,
            args=(screen.design.background,),
        )
    how_to_come_back()


def _answer_background(asked: tuple[questions.BackgroundQuestion, ...]) -> None:
    answers = questions.answers(asked)
    visit.take(lambda part, ticket: part.background(ticket, answers))


def instructions(screen: Screen) -> None:
    """What to do, before the first trial."""
    st.subheader("What to do", anchor=False)
    st.text(screen.design.instructions)
    st.write(
        "Choose with the mouse, by touch or with the keys shown beside the answers, then press "
        "**Next**. Until then you can change your choice."
    )
    visit.show_problem()
    st.button("Begin", key="begin", type="primary", on_click=_begin)
    how_to_come_back()


def _begin() -> None:
    visit.take(_instructed)


def _instructed(part: TakingPart, ticket: Ticket) -> Screen:
    part.instructed(ticket)
    return part.serve(ticket)


def how_to_come_back() -> None:
    """The personal address and the withdrawal code, while this session knows them."""
    known = visit.facts()
    ticket: Ticket = known["ticket"]
    code = known.get("withdrawal")
    if not code:
        return
    with st.expander("To keep: your personal address and your withdrawal code"):
        if not ticket.platform:
            st.write("At this address you go on where you stopped, on any device:")
            st.code(address.personal(ticket, ticket.me), language=None, wrap_lines=True)
        st.write(
            "This code deletes everything that was stored about you, at any time. It is stored "
            "nowhere in readable form and cannot be shown again after you close this page:"
        )
        st.code(code, language=None, wrap_lines=True)
