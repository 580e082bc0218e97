"""The draft that is being edited: kept in the session, saved in the store at every change.

Controls write into the draft by callbacks. A control that has gone from the page in the run that
follows its change, because another step was chosen at the same time, would lose it otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from pages.components.access import is_researcher
from pages.components.text import plain
from xai_core.errors import StudyError, XaiError
from xai_core.study import Study, shared_store
from xai_core.study.design import Design

OPEN = "_study_draft"  # in the session: the draft that is open
TURN = "_study_draft_turn"  # in the session: how many were opened

Change = Callable[[Design, Any], Design]


@dataclass
class Draft:
    """A draft in one researcher's session.

    Attributes:
        slug: the study's name in addresses.
        name: what researchers read.
        design: as it is on the page.
        stored: as this session last saw it in the store.
        turn: names the controls, so that they begin anew when it is opened again.
        saved: when it was last saved in this session.
        elsewhere: whether someone else has changed it meanwhile; nothing is saved then.
        problem: why the latest change was not taken.
    """

    slug: str
    name: str
    design: Design
    stored: Design
    turn: int
    saved: datetime | None = None
    elsewhere: bool = False
    problem: str = ""

    def key(self, name: str) -> str:
        """The key of a control."""
        return f"{self.slug} {self.turn} {name}"


def opened(study: Study) -> Draft:
    """The session's draft of a study, read from the store if it is not there yet.

    Raises:
        StudyError: there is no such study.
    """
    found: Draft | None = st.session_state.get(OPEN)
    if found is None or found.slug != study.slug:
        design = shared_store().draft(study.slug)
        turn = st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
        found = st.session_state[OPEN] = Draft(study.slug, study.name, design, design, turn)
    found.name = study.name
    return found


def close() -> None:
    """Forget the session's draft; the store has it."""
    st.session_state.pop(OPEN, None)


def commit(draft: Draft, key: str, change: Change) -> None:
    """Take over what a control says; the callback of every control.

    Args:
        draft: the draft.
        key: of the control.
        change: gives the design with the control's value.
    """
    if is_researcher() and key in st.session_state:
        try:
            keep(draft, change(draft.design, st.session_state[key]))
        except XaiError as error:
            draft.problem = str(error)


def keep(draft: Draft, design: Design) -> None:
    """Make this the draft, and save it unless it was changed elsewhere meanwhile.

    What cannot be saved now stays on the page, and the page says so.
    """
    draft.problem = ""
    if design == draft.design and design == draft.stored:
        return
    draft.design = design
    try:
        draft.elsewhere = not shared_store().save_draft(draft.slug, design, seen=draft.stored)
    except StudyError as error:
        draft.problem = str(error)
        return
    if not draft.elsewhere:
        draft.stored, draft.saved = design, datetime.now(UTC)


def begin_anew(draft: Draft, design: Design) -> None:
    """Take over a design that the page itself made, and let the controls show it."""
    keep(draft, design)
    draft.turn = st.session_state[TURN] = st.session_state[TURN] + 1
    st.rerun()


def overwrite(draft: Draft) -> None:
    """Save this session's draft although another one was saved meanwhile."""
    draft.elsewhere = False
    draft.stored = shared_store().draft(draft.slug)
    keep(draft, draft.design)


def status(draft: Draft, row: Any) -> None:
    """Whether everything is saved, quietly; and what to do if it is not.

    Args:
        draft: the draft.
        row: where a quiet word goes; trouble goes below it.
    """
    if draft.elsewhere:
        _changed_elsewhere(draft)
    elif draft.design != draft.stored:
        _not_saved(draft)
    else:
        row.caption(
            "Every change is saved"
            if draft.saved is None
            else f"Saved {draft.saved.astimezone(_zone()):%H:%M:%S}"
        )
    if draft.problem:
        st.error(plain(draft.problem), icon=":material/error:")


def _zone() -> tzinfo | None:
    """Where the researcher's clock is; None, which is where the server's is, if unknown."""
    try:
        return ZoneInfo(str(st.context.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _not_saved(draft: Draft) -> None:
    st.warning("Your latest change is not saved yet.", icon=":material/cloud_off:")
    if st.button("Save again", key="save again"):
        keep(draft, draft.design)
        st.rerun()


def _changed_elsewhere(draft: Draft) -> None:
    """Let the researcher choose between two drafts."""
    with st.container(border=True):
        st.warning(
            "This draft was changed elsewhere: by another person, or in another tab. What you "
            "changed here since is not saved.",
            icon=":material/call_split:",
        )
        row = st.container(horizontal=True)
        if row.button("Reload what was saved elsewhere", type="primary", key="reload draft"):
            close()
            st.rerun()
        if row.button("Replace it with what is here", key="overwrite draft"):
            overwrite(draft)
            st.rerun()
