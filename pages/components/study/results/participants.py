"""Who took part: how far they got, how long they took, how carefully they answered."""

from __future__ import annotations

import streamlit as st

from pages.components.study.results import charts, tables
from pages.components.study.results.analysis import Shown
from pages.components.text import plain


def show(shown: Shown) -> None:
    """Funnel, endings, times, checks and every participant's care."""
    found = shown.results.tables
    left, right = st.columns([3, 2], gap="medium")
    left.markdown("**How far they got**")
    left.plotly_chart(charts.funnel(found["funnel"]), key="funnel-chart")
    with right:
        st.markdown("**How it ended**")
        tables.show(
            found["endings"].drop(columns="ending"),
            "endings-table",
            title=st.column_config.Column("Ending"),
        )
        st.markdown("**Checks**")
        tables.show(
            found["checks"],
            "checks-table",
            share=st.column_config.NumberColumn("Failed, share", format="percent"),
        )
        st.markdown("**Seconds for an answer**")
        tables.show(found["times"], "times-table")
    st.markdown("**Seconds for an answer, trial by trial**")
    st.plotly_chart(charts.times(found["times_by_position"]), key="times-chart")
    with st.expander("Every participant"):
        tables.show(found["attention"], "attention-table")


def background(shown: Shown) -> None:
    """Vote shares and cases by what participants say of themselves."""
    titles, found = shown.titles, shown.results.tables
    shares, cases = found["background_shares"], found["background_cases"]
    if shares.empty:
        st.info("Nobody has answered a question about themselves whose answers can be compared.")
        return
    st.caption("Each group alone; groups of few participants have wide intervals.")
    for question in shown.records.design.background:
        own = shares[shares.question == question.id]
        if own.empty:
            continue
        st.markdown(f"**{plain(question.text)}**")
        left, right = st.columns(2, gap="medium")
        with left:
            own = own.drop(columns="question")
            tables.show(own, f"shares {question.id}", titles, shown.compared)
        with right:
            part = cases[cases.question == question.id]
            if part.empty:
                continue
            part = part.drop(columns=["question", "images"])
            tables.show(part, f"cases {question.id}", titles, shown.compared)


def places(shown: Shown) -> None:
    """Whether the place on the screen decides."""
    own = shown.results.positions
    names = [f"place {place}" for place in own.table.place]
    st.plotly_chart(
        charts.shares(own.table, names, "share of chosen heatmaps", 1 / max(1, len(names))),
        key="places-chart",
    )
    if own.note:
        st.info(own.note)
    else:
        way = "simulated" if own.way == "simulated" else "by the chi-square distribution"
        st.markdown(
            f"Against equal shares: χ² = {own.statistic:.2f}, p = {own.p:.3g} ({way}). "
            f"{int(own.participants.always.sum())} participants always chose the same place."
        )
    tables.show(own.table, "places-table")
    with st.expander("Every participant"):
        tables.show(own.participants, "places-people")
