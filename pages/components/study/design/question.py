"""What participants are asked, and what they read before."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.components.access import is_researcher
from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft
from pages.components.text import plain
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.design import QUESTION, Design

EXAMPLE = "Egyptian cat"


def show(draft: Draft, name: str) -> None:
    """The step "Question".

    Args:
        draft: the draft.
        name: the study's, for researchers.
    """
    key = draft.key("name")
    left, right = st.columns(2)
    left.text_input(
        "Name",
        name,
        key=key,
        max_chars=100,
        on_change=_rename,
        args=(draft, key),
        help="For you; participants never see it.",
    )
    design = draft.design
    fields.text(
        draft,
        "title",
        "Title for participants",
        design.title,
        lambda old, word: replace(old, title=word),
        right,
        max_chars=200,
    )
    fields.area(
        draft,
        "question",
        "Question of every trial",
        design.question,
        _with_question,
        height=80,
        help="{class} stands for the picture's true class. Emptied, it is the published one again.",
    )
    st.caption(f"A participant reads: {plain(design.question.replace('{class}', EXAMPLE))}")
    if "{class}" not in design.question:
        st.caption("The question does not name the class: {class} is not in it.")
    fields.area(
        draft,
        "instructions",
        "Instructions before the first trial",
        design.instructions,
        lambda old, word: replace(old, instructions=word),
        height=180,
    )


def _with_question(design: Design, words: str) -> Design:
    return replace(design, question=words if words.strip() else QUESTION)


def _rename(draft: Draft, key: str) -> None:
    name = st.session_state[key].strip()
    if not (is_researcher() and name):
        return
    try:
        shared_store().rename(draft.slug, name)
    except StudyError as error:
        draft.problem = str(error)
