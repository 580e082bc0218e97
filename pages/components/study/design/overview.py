"""All studies at a glance, and a new one."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.design import study_urls
from pages.components.text import plain
from xai_core.study import shared_store
from xai_core.study.storage.summaries import Study

Colour = Literal["blue", "gray", "green", "orange"]


def show() -> None:
    """The list of studies."""
    with st.form("new study", border=False), st.container(horizontal=True,
                                                          vertical_alignment="bottom"):  # fmt: skip
        name = st.text_input("New study", placeholder="Its name, for you", max_chars=100,
                             width=360)  # fmt: skip
        made = st.form_submit_button("Begin", icon=":material/add:", type="primary")
    if made and name.strip():
        study_urls.open_design(shared_store().create(name))
    found = shared_store().studies()
    if not found:
        st.info(
            "There is no study yet. Begin one: participants will see pictures with several "
            "heatmaps each, and say which one they trust."
        )
    for study in found:
        _row(study)


def state(study: Study) -> tuple[str, Colour]:
    """A study's state in a word, and its colour."""
    if not study.published:
        return "draft", "gray"
    return ("open", "green") if study.is_open else ("closed", "orange")


def _row(study: Study) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        word, colour = state(study)
        st.badge(word, color=colour)
        people = (
            "1 participant" if study.participants == 1 else f"{study.participants} participants"
        )
        about = f"{people}, {study.completed} to the end" if study.published else "not published"
        st.markdown(f"**{plain(study.name)}**  \n:gray[{about}]", width="stretch")
        if not study.published:
            with st.popover("", icon=":material/delete:", help="Delete"):
                st.markdown(f"Delete **{plain(study.name)}**? It cannot be brought back.")
                if st.button("Delete it", key=f"delete {study.slug}") and is_researcher():
                    shared_store().delete_draft_study(study.slug)
                    st.rerun()
        if st.button("Open", key=f"open {study.slug}"):
            study_urls.open_design(study.slug)
