"""Results that are there, and a watch for more answers.

The worker analyses; until it has, the page shows what it found for the answers before.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from pages.components.access import is_researcher
from pages.components.live import live, wait_for
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.study import Version, shared_store
from xai_core.study.analysis.results import Results, Settings, choice_titles
from xai_core.study.storage.pulse import Pulse, pulse
from xai_core.study.storage.records import Records

LOOK_S = 10.0
PURPOSE = "study results"
LABEL = "Analysing the answers"
_SHOWN = "_study results"  # in the session


@dataclass(frozen=True)
class Shown:
    """What is on the page: records of one moment with their results."""

    slug: str
    version_id: int
    as_of: Pulse
    records: Records
    results: Results

    @property
    def compared(self) -> str:
        """What the conditions are, in a word."""
        return self.records.design.compared

    @property
    def titles(self) -> dict[str, str]:
        """What people read of each answer."""
        return choice_titles(self.records)


def analysed(slug: str, version: Version, settings: Settings) -> Shown:
    """The results of this moment, or of the one before while they are under way."""
    about, now = (slug, version.id, settings), pulse(shared_store(), version.id)
    shown: Shown | None = st.session_state.get(_SHOWN, {}).get(about)
    if shown is not None and shown.as_of == now:
        return shown
    records = _records(slug, version.number, now)
    task = tasks.study_results(slug, records, now, settings)
    if shown is not None:
        work = gather(PURPOSE, [task], patience=0.2)
        if work.running and task.key not in work.results:
            return shown
    facts = wait_for(PURPOSE, task, LABEL).facts
    shown = Shown(slug, version.id, now, records, Results.from_json(facts))
    st.session_state[_SHOWN] = {about: shown}
    return shown


def show_state(version: Version, shown: Shown) -> None:
    """A line that says how many there are; the page runs again when there are more."""
    work: Work | None = st.session_state.get("_work", {}).get(PURPOSE)
    works = [work] if work is not None and work.running else []
    look = partial(_look, version, shown, watched=not works)
    live(look, *works, idle_s=LOOK_S if version.closed_at is None else None)


@st.cache_data(show_spinner=False, max_entries=4)
def _records(slug: str, number: int, as_of: Pulse) -> Records:
    return shared_store().records(slug, number)


def _look(version: Version, shown: Shown, watched: bool) -> None:
    if not is_researcher():
        st.rerun()
    now = pulse(shared_store(), version.id)
    if watched and now != shown.as_of:
        st.rerun()
    when = "closed to newcomers" if version.closed_at else "new answers appear by themselves"
    st.caption(f"{now[0]} participants, {now[5]} answers; {when}.")
