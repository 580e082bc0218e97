"""Study results: what participants decided, live, with its uncertainty, and as files."""

from __future__ import annotations

import streamlit as st

from pages.components import shell
from pages.components.access import require_researcher
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
from pages.components.text import plain
from xai_core.errors import StudyError
from xai_core.study import Version, shared_store
from xai_core.study.analysis.results import Results
from xai_core.study.storage.records import Records

PARTS = {
    "cases": "Cases",
    "pictures": "Pictures",
    "comparison": "Comparison",
    "participants": "Participants",
    "background": "Background",
    "places": "Places",
    "files": "Files",
}


def page() -> None:
    require_researcher("study_results")
    shell.set_margins()
    st.subheader("Study results", anchor=False)
    try:
        _page()
    except StudyError as error:
        st.error(plain(str(error)), icon=":material/error:")


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
    records, found = shown.records, shown.results
    analysis.show_state(version, shown)
    part = st.segmented_control(
        "Part",
        list(PARTS),
        default="cases",
        required=True,
        format_func=PARTS.__getitem__,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    _part(str(part), study.slug, version, records, found)
    about.show()


def _part(part: str, slug: str, version: Version, records: Records, found: Results) -> None:
    if part == "participants":
        participants.show(records, found)
    elif part == "files":
        downloads.show(slug, records, found)
    elif not found.answers:
        st.info(
            "Nobody has answered yet, or nobody whose answers count by the choice above. Send the "
            "study's link from **Study: design** (the step Publish); answers appear here by "
            "themselves."
        )
    elif part == "cases":
        cases.show(records, found)
    elif part == "pictures":
        votes.show(records, found, version)
    elif part == "comparison":
        comparison.show(records, found)
    elif part == "background":
        participants.background(records, found)
    else:
        participants.places(records, found)


page()
