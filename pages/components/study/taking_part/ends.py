"""Where a visit ends, well or otherwise: what happened and what to do next."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part.visit import present
from xai_core.study.participation.screens import Screen, Ticket

QUIET = {
    "unknown": (
        "This address leads to no study",
        "Please open the link again exactly as you got it. If that does not help, ask whoever "
        "sent it to you. After a withdrawal this is what one's own link shows, too.",
    ),
    "not_open": (
        "This study has not opened yet",
        "Please come back later by the same link. Nothing about you has been stored.",
    ),
    "closed": (
        "This study is closed",
        "It takes no new participants any more. Nothing about you has been stored. Thank you for "
        "your interest; you can close this page.",
    ),
    "full": (
        "This study has all the participants it needs",
        "Nothing about you has been stored. Thank you for your interest; you can close this page.",
    ),
    "expired": (
        "This invitation has expired",
        "Please ask whoever sent it to you for a new one. Nothing about you has been stored.",
    ),
    "researchers": (
        "A preview is for researchers",
        "Please sign in on the researchers' pages first, then open this address again. To take "
        "part, use the link that you got.",
    ),
}
PROLIFIC = "Please return your submission on Prolific."
ENDED = {
    "completed": ("Thank you!", "All your answers are saved. You have reached the end."),
    "screened_out": (
        "Thank you for your answers",
        "This study is for people with another background, so it ends here for you. You have done "
        "nothing wrong.",
    ),
    "failed": (
        "The study ends here",
        "Some trials were checks: they said which answer to choose, or showed pictures that were "
        "all the same. You answered more of them otherwise than this study allows. Thank you for "
        "your time.",
    ),
}


def quiet(kind: str) -> None:
    """A screen on which there is nothing to do."""
    title, sentence = QUIET.get(kind, QUIET["unknown"])
    st.subheader(title, anchor=False)
    st.write(sentence)


def declined(ticket: Ticket) -> None:
    """Who does not want to take part."""
    st.subheader("You have chosen not to take part", anchor=False)
    st.write("Nothing about you has been stored. You can close this page.")
    if ticket.platform:
        st.write(PROLIFIC)
    st.button("Back to the consent", key="reconsider", on_click=_reconsider)


def _reconsider() -> None:
    present().declined = False


def ended(screen: Screen) -> None:
    """Thanks, the code, and the way back to where the participant came from."""
    title, sentence = ENDED.get(screen.ending or "", ENDED["completed"])
    st.subheader(title, anchor=False)
    st.write(sentence)
    visit = present()
    if screen.code:
        st.write("Your completion code:" if screen.ending == "completed" else "Your code:")
        st.code(screen.code, language=None, wrap_lines=True)
    if screen.url.startswith(("https://", "http://")):
        st.link_button(
            "Back to Prolific" if visit.ticket.platform else "Finish", screen.url, type="primary"
        )
    elif visit.ticket.platform and not screen.code:
        st.write(PROLIFIC)
    elif not screen.code:
        st.write("You can close this page.")
    if visit.withdrawal:
        st.write(
            "If you change your mind later, this withdrawal code deletes everything that was "
            "stored about you. This page shows it again whenever you come back to it:"
        )
        st.code(visit.withdrawal, language=None, wrap_lines=True)
