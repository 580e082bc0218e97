"""Questions about a participant, as inputs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import streamlit as st

from pages.components.text import label, plain
from xai_core.study.design import BackgroundQuestion

YES_NO = {"yes": "Yes", "no": "No"}
FEW = 6  # choices that are all shown at once
LONGEST = 2000  # letters of a free answer


def key(question: BackgroundQuestion) -> str:
    """Name of the question's input on the page."""
    return f"background:{question.id}"


def ask(question: BackgroundQuestion) -> None:
    """Draw the question with its input, empty at first."""
    words = label(question.text + ("" if question.required else " (you may leave this out)"))
    name = key(question)
    if question.kind == "yes_no":
        st.radio(words, list(YES_NO), index=None, key=name, format_func=YES_NO.get, horizontal=True)
    elif question.kind == "number":
        st.number_input(words, value=None, format="%g", step=1.0, key=name)
    elif question.kind == "text":
        st.text_area(words, key=name, max_chars=LONGEST, height="content")
    elif len(question.choices) <= FEW:
        st.radio(words, question.choices, index=None, key=name, format_func=plain)
    else:
        st.selectbox(words, question.choices, index=None, key=name, placeholder="Choose")


def answers(asked: Iterable[BackgroundQuestion]) -> dict[str, str]:
    """What was answered, by the questions' ids; without those that were left out."""
    given = {question.id: _text(st.session_state.get(key(question))) for question in asked}
    return {name: value for name, value in given.items() if value}


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value).strip()
