"""What is compared against each other, and how far participants agree."""

from __future__ import annotations

import streamlit as st

from pages.components.study.results import tables
from pages.components.study.results.analysis import Shown
from xai_core.study.analysis.agreement import MEASURES


def show(shown: Shown) -> None:
    """Tests and measures of agreement."""
    titles, found, one = shown.titles, shown.results.tables, shown.compared
    st.markdown("**Whose map is accurate on more pictures?**")
    st.caption(
        "Exact McNemar test on pictures where only one of the two maps is accurate. It takes the "
        f"participants as given: would these participants prefer the {one} on other pictures too?"
    )
    tables.show(found["paired"], "paired-table", titles, one)
    st.markdown(f"**Which {one} gets more of the answers?**")
    st.caption(
        "Difference of vote shares with participants and pictures sampled: would other "
        f"participants prefer the {one} on other pictures?"
    )
    tables.show(found["differences"], "differences-table", titles, one)
    st.markdown("**Do participants agree?**")
    own = found["agreement"].copy()
    own["measure"] = own.measure.map(MEASURES)
    tables.show(own, "agreement-table")
