"""The slider's place: in the browser, in the session, and in the address."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.address_bar import write
from pages.components.sanity.curves import DEPTH
from pages.components.select_controls import select_box
from xai_core.randomization.steps import LABELS, Test

GRID = "sanity-grid"
LONGEST = 9  # digits; of thousands Python makes no number


def current(last: int) -> int:
    """The depth that is shown, 0 to ``last``; the address tells it when the page is opened."""
    if DEPTH not in st.session_state:
        asked = st.query_params.get("depth", "")
        readable = asked.isdecimal() and len(asked) <= LONGEST
        st.session_state[DEPTH] = int(asked) if readable else 0
    place: int = min(st.session_state[DEPTH], last)
    wanted = str(place) if place else None
    if st.query_params.get("depth") != wanted:
        write("depth", wanted)
    return place


def take_over() -> None:
    """Take over where the browser's slider is."""
    frame = getattr(st.session_state.get(GRID), "frame", None)
    if isinstance(frame, int):
        st.session_state[DEPTH] = frame


def choose_seed(row: Any, test: Test) -> int:
    """Whose networks are shown."""
    if test.mode == LABELS or len(test.seeds) == 1:
        return test.seeds[0]
    if st.session_state.get("seed-shown") not in test.seeds:
        st.session_state.pop("seed-shown", None)
    titles = {seed: f"Seed {seed}" for seed in test.seeds}
    return select_box(
        row, "Seed shown", titles, "seed-shown", label_visibility="collapsed", width=110
    )
