"""What every page about heatmaps has around its own part: pictures, model, class, methods.

A page is: ``begin``, its controls in the row of ``controls``, its tasks, its drawing in
``progress.live``, ``end``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components import method_notes, methods, selection, session_menu, working_methods
from pages.components.classified import Classified, classify
from pages.components.model_choice import choose_model
from pages.components.picture_choice import choose_pictures
from xai_core.explainers.choices import Choice


def set_margins(above: str = "3.4rem") -> None:
    """The space around the page, with so much above its title."""
    look = f"padding:{above} clamp(1rem,3vw,3rem) 2rem"
    st.html(f"<style>.stMainBlockContainer{{{look}}}</style>")


def begin(title: str, shown: str = "heatmaps", one_class: bool = True) -> Classified:
    """The title, and what the sidebar says.

    While a picture or the model is missing the run ends here, with a word on the page.

    Args:
        title: of the page.
        shown: what appears on it, in words.
        one_class: whether it is about one class of each picture, which the sidebar offers.
    """
    set_margins()
    with st.sidebar:
        session_menu.show()
        pictures = choose_pictures()
        model = choose_model()
    top = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    top.subheader(title, anchor=False, width="content")
    status = top.container()
    if model is None:
        pictures.draw(lambda: ({}, {}))
        st.info(f"Complete the model on the left; the {shown} appear here.")
        st.stop()
    classified = classify(model, pictures, status, one_class)
    if not classified.images:
        st.info(f"Choose or upload a picture on the left; its {shown} appear here.")
        st.stop()
    return classified


def controls() -> Any:
    """The row of the page's controls."""
    return st.container(horizontal=True, vertical_alignment="bottom")


def choose_methods(
    classified: Classified, row: Any, first: Sequence[Choice] = selection.FIRST
) -> list[Choice]:
    """The methods' controls, with what is known of their working on the model."""
    return methods.choose_methods(classified, working_methods.refusals(classified), row, first)


def require_methods(choices: Sequence[Choice]) -> None:
    """End the run here, with a word on the page, unless there is a method."""
    if not choices:
        st.info("Choose at least one method above.")
        st.stop()


def end(classified: Classified, choices: Sequence[Choice], idle: bool) -> None:
    """What is known of the methods; and, on an idle page, whether the others work is found out."""
    method_notes.show(choices, working_methods.refusals(classified))
    working_methods.find_out(classified, idle)
