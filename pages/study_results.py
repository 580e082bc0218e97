"""Study results: what participants decided, live, with its uncertainty, and as files."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.components import shell
from pages.components.access import require_researcher
from pages.components.select_controls import segments
from pages.components.study.results import (
    about,
    analysis,
    cases,
    choose,
    comparison,
    downloads,
    participants,
    votes,
)
from pages.components.text import errors_shown
from xai_core.errors import StudyError
from xai_core.study import shared_store

# The title of each part, and what draws it.
PARTS: dict[str, tuple[str, Callable[[analysis.Shown], None]]] = {
    "cases": ("Cases", cases.show),
    "pictures": ("Pictures", votes.show),
    "comparison": ("Comparison", comparison.show),
    "participants": ("Participants", participants.show),
    "background": ("Background", participants.background),
    "places": ("Places", participants.places),
    "files": ("Files", downloads.show),
}
WITHOUT_ANSWERS = ("participants", "files")  # which have something to show then, too


def page() -> None:
    require_researcher("study_results")
    shell.set_margins()
    st.subheader("Study results", anchor=False)
    with errors_shown(StudyError):
        _page()


def _page() -> None:
    known = shared_store().studies()
    if not known:
        st.info(
            "There is no study yet. Begin one on the page **Study: design**; its results appear "
            "here as soon as participants answer."
        )
        return
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        study = choose.study(known)
        version = choose.version(study.slug)
    if version is None:
        st.info(
            "This study was not published yet. Publish it on the page **Study: design**, and send "
            "its link to participants."
        )
        return
    with row:
        settings = choose.settings()
    shown = analysis.analysed(study.slug, version, settings)
    analysis.show_state(version, shown)
    titles = {name: title for name, (title, _) in PARTS.items()}
    part = segments(st, "Part", titles, "part", label_visibility="collapsed")
    if shown.results.answers or part in WITHOUT_ANSWERS:
        _, show = PARTS[part]
        show(shown)
    else:
        st.info(
            "Nobody has answered yet, or nobody whose answers count by the choice above. Send the "
            "study's link from **Study: design** (the step Publish); answers appear here by "
            "themselves."
        )
    about.show()


page()
