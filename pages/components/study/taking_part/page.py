"""The participants' page: which screen is drawn."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.taking_part import (
    coming_back,
    database_away,
    ends,
    leaving,
    trials,
    welcome,
)
from pages.components.study.taking_part.visit import Visit, begin
from xai_core.study.participation.screens import Screen

LOOK = "<style>" + (Path(__file__).parent / "look.css").read_text(encoding="utf-8") + "</style>"
BEFORE = {
    "consent": welcome.consent,
    "background": welcome.background,
    "instructions": welcome.instructions,
}


def show() -> None:
    """One run of the page."""
    st.html(LOOK)
    visit = begin()
    if not visit.ticket.slug:
        ends.quiet("unknown")
    elif visit.ticket.preview and not is_researcher():
        ends.quiet("researchers")
    elif visit.left:
        leaving.left()
    elif visit.declined:
        ends.declined(visit.ticket)
    else:
        trials.take_answer()
        _draw(visit, visit.current())
    visit.fresh = False


def _draw(visit: Visit, screen: Screen | None) -> None:
    if screen is None:
        database_away.show(visit.pop_problem())
        return
    if visit.ticket.preview:
        st.caption("Preview: what you do here is kept apart from the study's data.")
    if visit.leaving:
        leaving.ask()
        return
    if screen.trial is not None:
        trials.show(screen.trial)
    elif screen.kind in BEFORE and screen.design is not None:
        BEFORE[screen.kind](screen.design)
    elif screen.kind == "ended":
        ends.ended(screen)
    else:
        ends.quiet(screen.kind)
        return
    if screen.kind != "ended":  # which shows the code itself
        coming_back.offer()
    leaving.offer()
