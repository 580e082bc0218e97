"""Results that are there, and a watch for more answers."""

from __future__ import annotations

import streamlit as st

from xai_core.study import Version, shared_store
from xai_core.study.pulse import Pulse, pulse
from xai_core.study.records import Records
from xai_core.study.results import Results, Settings, analyse

EVERY_S = 10.0  # an analysis of 200 participants takes the web process two seconds


def analysed(slug: str, version: Version, settings: Settings) -> tuple[Records, Results]:
    """The records and results of this moment, computed once as long as nobody answers."""
    return _computed(slug, version.number, pulse(shared_store(), version.id), settings.to_json())


def watch(version: Version, shown: Pulse) -> None:
    """A line that says how many there are; the page runs again when there are more.

    Args:
        version: that is shown.
        shown: the ``pulse`` of what is shown.
    """
    is_open = version.closed_at is None
    st.fragment(_look, run_every=EVERY_S if is_open else None)(version, shown, is_open)


@st.cache_data(show_spinner="Analysing the answers …", max_entries=32)
def _computed(
    slug: str, number: int, as_of: Pulse, settings: dict[str, str | int]
) -> tuple[Records, Results]:
    records = shared_store().records(slug, number)
    return records, analyse(records, Settings(**settings))


def _look(version: Version, shown: Pulse, is_open: bool) -> None:
    now = pulse(shared_store(), version.id)
    if now != shown:
        st.rerun()
    when = "new answers appear by themselves" if is_open else "closed to newcomers"
    st.caption(f"{now[0]} participants, {now[5]} answers; {when}.")
