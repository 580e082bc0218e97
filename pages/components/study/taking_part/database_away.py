"""The database cannot be reached, and nothing is known yet of who comes."""

from __future__ import annotations

import streamlit as st

from pages.components.study.taking_part.visit import present
from pages.components.text import plain

AGAIN_MS = 5000
# Runs the page again after a while; the data differ each time, so that it does so each time.
JS = f"""
export default function (component) {{
  clearTimeout(component.parentElement.timer);
  component.parentElement.timer = setTimeout(
    () => component.setTriggerValue("again", component.data.tries), {AGAIN_MS});
}}
"""


def show(sentence: str) -> None:
    """Say so, and try again: by itself, and when the visitor asks."""
    visit = present()
    visit.tries += 1
    st.subheader("One moment, please", anchor=False)
    st.write(plain(sentence))
    st.write("This page tries again by itself. You need not do anything.")
    st.button("Try again", key="retry")
    again = st.components.v2.component("study_away", js=JS)
    # Running again is all that is wanted.
    again(data={"tries": visit.tries}, key="away", on_again_change=lambda: None)
