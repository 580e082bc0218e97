"""One trial in the browser: question, picture, heatmaps under letters, and the answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.modules import fetching

HERE = Path(__file__).parent
HTML = (HERE / "trial.html").read_text(encoding="utf-8")
CSS = (HERE / "trial.css").read_text(encoding="utf-8")


def trial(data: Mapping[str, Any], key: str) -> Any:
    """Show a trial.

    Args:
        data: what ``pages/take_part.py`` describes.
        key: name of this component on its page.

    Returns:
        The answer that the browser last sent, ``None`` before the first.
    """
    # Registered on every run, because a registration lasts as long as the server's runtime.
    js = fetching("trial", "trial.js")
    shown = st.components.v2.component("study_trial", html=HTML, css=CSS, js=js)
    # The page reads the answer when it runs; Streamlit wants a callback all the same.
    result = shown(
        data=dict(data), key=key, default={"answer": None}, on_answer_change=lambda: None
    )
    return result.answer
