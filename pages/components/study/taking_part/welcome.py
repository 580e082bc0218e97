"""What comes before the trials: consent, questions about oneself, instructions."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part import background_questions
from pages.components.study.taking_part.visit import present
from pages.components.text import plain
from xai_core.study.design import ESCAPES, MEANINGS, BackgroundQuestion
from xai_core.study.participation.screens import Screen, Ticket
from xai_core.study.participation.taking_part import TakingPart
from xai_core.study.public_design import PublicDesign

# By the device: what it is chosen with. The names are those of look.css.
HOW = {
    "with-keys": "Choose with the mouse, or with the keys shown beside the answers.",
    "without-keys": "Tap the answer of your choice.",
}


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


def _answer_background(asked: tuple[BackgroundQuestion, ...]) -> None:
    answers = background_questions.answers(asked)
    present().take(lambda part, ticket: part.background(ticket, answers))


def instructions(design: PublicDesign) -> None:
    """What to do, before the first trial."""
    st.subheader("What to do", anchor=False)
    st.text(design.instructions)
    st.write("Below the pictures, two more answers are always offered:")
    st.markdown("\n".join(f"- **{ESCAPES[name]}**: {text}" for name, text in MEANINGS.items()))
    for device, sentence in HOW.items():
        with st.container(key=device):  # the look shows one of them
            st.write(f"{sentence} Until you press **Next**, you can change your choice.")
    present().show_problem()
    st.button("Begin", key="begin", type="primary", on_click=_begin)


def _begin() -> None:
    present().take(_instructed)


def _instructed(part: TakingPart, ticket: Ticket) -> Screen:
    part.instructed(ticket)
    return part.serve(ticket)
