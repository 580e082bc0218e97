"""The participants' page: which screen is drawn."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.taking_part import away, ends, leaving, trials, visit, welcome
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
    known = visit.begin()
    if not known["ticket"].slug:
        ends.quiet("unknown")
    elif known["ticket"].preview and not is_researcher():
        ends.quiet("researchers")
    elif known.get("left"):
        leaving.left()
    elif known.get("declined"):
        ends.declined(known["ticket"])
    else:
        trials.take_answer()
        _draw(visit.current(known.pop("fresh", False)))
    known.pop("fresh", None)


def _draw(screen: Screen | None) -> None:
    known = visit.facts()
    if screen is None:
        away.show(known.pop("problem", ""))
        return
    if known["ticket"].preview:
        st.caption("Preview: what you do here is kept apart from the study's data.")
    if known.get("leaving"):
        leaving.ask()
    elif screen.kind == "trial":
        trials.show(screen)
        leaving.offer()
    else:
        _other(screen)


def _other(screen: Screen) -> None:
    if screen.kind in BEFORE:
        BEFORE[screen.kind](screen)
        leaving.offer()
    elif screen.kind == "ended":
        ends.ended(screen)
        leaving.offer()
    else:
        ends.quiet(screen.kind)
