"""The links of a published study."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.access import is_researcher
from pages.components.study.design import study_urls
from pages.components.text import errors_shown
from xai_core.errors import StudyError
from xai_core.files import csv_bytes
from xai_core.study import shared_store

MADE = "_study_links"  # in the session: personal links that were just made, by study
MOST = 1000
ONLY_HERE = (
    "These links work on this machine alone: nobody else can open them. Open this page by an "
    "address that participants can reach too, and take the links from there."
)


def show(slug: str) -> None:
    """Links for everybody, for Prolific, and for single people."""
    if study_urls.only_here():
        st.warning(ONLY_HERE, icon=":material/computer:")
    st.markdown("**Link for everybody**")
    st.code(study_urls.shared(slug), language=None, wrap_lines=True)
    st.markdown("**Link for Prolific**")
    st.code(study_urls.prolific(slug), language=None, wrap_lines=True)
    st.caption("Prolific replaces what stands in braces; each of its people takes part once.")
    st.markdown("**Personal links**")
    _make(slug)
    _made(slug)
    _all(slug)


def _make(slug: str) -> None:
    with st.form("personal links", border=False):
        names = st.text_area(
            "For whom, one a line",
            height=100,
            help="Names or addresses for you; participants never see them.",
        )
        row = st.container(horizontal=True, vertical_alignment="bottom")
        count = row.number_input("Or how many, without names", 0, MOST, 0, width=220)
        asked = row.form_submit_button("Make links", icon=":material/link:")
    if not (asked and is_researcher()):
        return
    labels = [line.strip() for line in names.splitlines() if line.strip()][:MOST]
    labels = labels or [f"link {number + 1}" for number in range(int(count))]
    if not labels:
        st.caption("Give names, or a number.")
        return
    with errors_shown(StudyError):
        made = shared_store().invite(slug, len(labels), labels)
        rows = [(label, study_urls.personal(slug, token)) for label, token in made]
        st.session_state[MADE] = (slug, rows)


def _made(slug: str) -> None:
    """The links that were just made; the store has only their hashes."""
    owner, rows = st.session_state.get(MADE, ("", []))
    if owner != slug:
        return
    table = pd.DataFrame(rows, columns=["for", "link"])
    st.info("These links can be shown only now: keep the file.", icon=":material/key:")
    st.download_button(
        "Download CSV", csv_bytes(table), "links.csv", "text/csv", icon=":material/download:"
    )
    alt_text.table(table, "Personal links")


def _all(slug: str) -> None:
    found = shared_store().invitations(slug)
    if not found:
        return
    used = sum(one.used for one in found)
    with st.expander(f"{len(found)} personal links, {used} used"):
        table = pd.DataFrame(
            {
                "For": [one.label for one in found],
                "Made (UTC)": [f"{one.created_at:%Y-%m-%d %H:%M}" for one in found],
                "Used": [one.used for one in found],
            }
        )
        alt_text.table(table, "Personal links made so far")
