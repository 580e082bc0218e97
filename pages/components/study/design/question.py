"""What participants are asked, and what they read before."""

from __future__ import annotations

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft
from pages.components.text import plain
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.design import ESCAPES, MEANINGS, QUESTION

EXAMPLE = "Egyptian cat"


def show(draft: Draft) -> None:
    """The step "Question"."""
    key = draft.key("name")
    left, right = st.columns(2)
    left.text_input(
        "Name",
        draft.name,
        key=key,
        max_chars=100,
        on_change=_rename,
        args=(draft, key),
        help="For you; participants never see it.",
    )
    design = draft.design
    right.text_input("Title for participants", max_chars=200, **fields.part(draft, "title"))
    st.text_area(
        "Question of every trial",
        height=80,
        help="{class} stands for the picture's true class. Emptied, it is the published one again.",
        **fields.part(draft, "question", lambda words: words if words.strip() else QUESTION),
    )
    st.caption(f"A participant reads: {plain(design.question.replace('{class}', EXAMPLE))}")
    if "{class}" not in design.question:
        st.caption("The question does not name the class: {class} is not in it.")
    st.text_area(
        "Instructions before the first trial", height=180, **fields.part(draft, "instructions")
    )
    meanings = "  \n".join(f"{ESCAPES[name]}: {text}" for name, text in MEANINGS.items())
    st.caption(f"Below them participants read what two answers mean:  \n{meanings}")


def _rename(draft: Draft, key: str) -> None:
    name = st.session_state[key].strip()
    if not (is_researcher() and name):
        return
    try:
        shared_store().rename(draft.slug, name)
    except StudyError as error:
        draft.problem = str(error)
