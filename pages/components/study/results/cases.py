"""The cases, the vote shares, and whether other decisions would change them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from pages.components.study.results import charts, tables
from pages.components.study.results.analysis import Shown
from pages.components.study.results.choose import RULE_TITLES, WHO_TITLES


def show(shown: Shown) -> None:
    """Charts and tables."""
    titles, found = shown.titles, shown.results.tables
    if found["cases"].empty:
        st.info(
            "Maps of this study were computed elsewhere, so that it is not known what their "
            "models predict: there are no cases. Everything else is below and beside."
        )
    else:
        _cases(found["cases"], titles, shown.compared)
    st.markdown("**Answers that went to each choice**")
    own = found["shares"]
    names = [titles[choice] for choice in own.choice]
    st.plotly_chart(charts.shares(own, names, "share of all answers"), key="shares-chart")
    tables.show(own, "shares-table", titles, shown.compared)
    if found["cases"].empty:
        return
    with st.expander("Would other decisions change the cases?"):
        st.caption(
            "One decision at a time is changed: when votes decide, or whose answers count. "
            "Intervals are Wilson's."
        )
        other = found["sensitivity"].copy()
        words = {**RULE_TITLES, **WHO_TITLES}
        other["variant"] = other.variant.map(words)
        other = other.drop(columns=["varied", "images"])
        tables.show(other, "sensitivity-table", titles, shown.compared)


def _cases(own: pd.DataFrame, titles: Mapping[str, str], compared: str) -> None:
    left, right = st.columns(2, gap="medium")
    left.markdown("**Pictures by case**")
    left.plotly_chart(charts.stacked(own, titles), key="cases-stacked")
    right.markdown("**The same with 95 % intervals**")
    right.plotly_chart(charts.case_intervals(own, titles), key="cases-intervals")
    tables.show(own, "cases-table", titles, compared)
