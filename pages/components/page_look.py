"""How every page looks where the settings of Streamlit's theme do not reach."""

from __future__ import annotations

import streamlit as st

# White on the dark theme's light accent is hard to read. The page's own part, which scrolls, can be
# reached by the Tab key like everything else, and is to show it. A table draws its focus only in a
# cell that was chosen; its cells are elements inside of its canvas.
LOOK = """<style>
@media (prefers-color-scheme: dark) {
  [data-testid^="stBase"][data-testid*="-primary"]:not(:disabled),
  [data-testid^="stBase"][data-testid*="-primary"]:not(:disabled) p,
  [data-testid="stMultiSelect"] [data-tag] { color: #101418 !important; }
}
[data-testid="stMain"]:focus-visible,
[data-testid="stDataFrame"]:has(canvas:focus-visible, canvas :focus-visible) {
  outline: 2px solid; outline-offset: -2px;
}
</style>"""


def show() -> None:
    """Set the look of a run's page."""
    st.html(LOOK)
