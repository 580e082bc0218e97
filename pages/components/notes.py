"""Plain words on the methods shown: what each shows, whether signed, what is known against it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from xai_core.explainers import METHODS


def show(names: Iterable[str]) -> None:
    """One entry per method, in the order of the grid."""
    with st.expander("What these heatmaps show", icon=":material/help:"):
        for name in names:
            method = METHODS[name]
            sign = (
                "Signed: positive speaks for the class, negative against it."
                if method.signed
                else "Unsigned: how much, not in which direction."
            )
            st.markdown(f"**{method.title}.** {method.shows} {sign}")
            if method.formula:
                st.latex(method.formula)
            if method.warning:
                st.warning(method.warning, icon=":material/warning:")
            st.caption(method.citation)
