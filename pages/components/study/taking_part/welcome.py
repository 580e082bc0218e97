"""What comes before the trials: consent, questions about oneself, instructions."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part import background_questions, visitor_address
from pages.components.study.taking_part.visit import present
from pages.components.text import plain
from xai_core.study.design import BackgroundQuestion
from xai_core.study.participation.screens import Screen, Ticket
from xai_core.study.participation.taking_part import TakingPart
from xai_core.study.public_design import PublicDesign


def consent(design: PublicDesign) -> None:
    """What taking part means, and the two answers to it."""
    present().count_once()
    st.header(plain(design.title), anchor=False)
    st.text(design.consent.text)
    present().show_problem()
    with st.container(horizontal=True):
        st.button("I agree and take part", key="agree", type="primary", on_click=_agree)
        st.button("I do not want to take part", key="decline", on_click=_decline)


def _agree() -> None:
    present().take(lambda part, ticket: part.consent(ticket, True))


def _decline() -> None:
    if present().take(lambda part, ticket: part.consent(ticket, False)):
        present().declined = True


def background(design: PublicDesign) -> None:
    """The questions about the participant."""
    st.subheader("A few questions about you", anchor=False)
    with st.form("background", border=False):
        for question in design.background:
            background_questions.ask(question)
        present().show_problem()
        st.form_submit_button(
            "Continue",
            key="background_submit",
            type="primary",
            on_click=_answer_background,
            args=(design.background,),
        )
    how_to_come_back()


def _answer_background(asked: tuple[BackgroundQuestion, ...]) -> None:
    answers = background_questions.answers(asked)
    present().take(lambda part, ticket: part.background(ticket, answers))


def instructions(design: PublicDesign) -> None:
    """What to do, before the first trial."""
    st.subheader("What to do", anchor=False)
    st.text(design.instructions)
    st.write(
        "Choose with the mouse, by touch or with the keys shown beside the answers, then press "
        "**Next**. Until then you can change your choice."
    )
    present().show_problem()
    st.button("Begin", key="begin", type="primary", on_click=_begin)
    how_to_come_back()


def _begin() -> None:
    present().take(_instructed)


def _instructed(part: TakingPart, ticket: Ticket) -> Screen:
    part.instructed(ticket)
    return part.serve(ticket)


def how_to_come_back() -> None:
    """The personal address and the withdrawal code, while this session knows them."""
    visit = present()
    ticket, code = visit.ticket, visit.withdrawal
    if not code:
        return
    with st.expander("To keep: your personal address and your withdrawal code"):
        if not ticket.platform:
            st.write("At this address you go on where you stopped, on any device:")
            st.code(visitor_address.personal(ticket, ticket.me), language=None, wrap_lines=True)
        st.write(
            "This code deletes everything that was stored about you, at any time. It is stored "
            "nowhere in readable form and cannot be shown again after you close this page:"
        )
        st.code(code, language=None, wrap_lines=True)
