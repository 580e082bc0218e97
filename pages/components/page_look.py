"""How every page looks where the settings of Streamlit's theme do not reach."""

from __future__ import annotations

import streamlit as st

# White on the dark theme's light accent is hard to read.
ON_ACCENT = """<style>@media (prefers-color-scheme: dark) {
[data-testid^="stBase"][data-testid*="-primary"]:not(:disabled),
[data-testid^="stBase"][data-testid*="-primary"]:not(:disabled) p,
[data-testid="stMultiSelect"] [data-tag] { color: #101418 !important; }
}</style>"""


def show() -> None:
    """Set the look of a run's page."""
    st.html(ON_ACCENT)
