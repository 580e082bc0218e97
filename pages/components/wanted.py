"""Long work begins when the visitor says so."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from xai_core.cache import content_key
from xai_core.jobs import Task, shared_engine

_STARTED = "_started"  # in the session: what the visitor has started


def wanted(tasks: Sequence[Task], few: bool, label: str) -> bool:
    """Whether to compute: little at once, more when a button is pressed, or if it is there.

    Args:
        tasks: all of it.
        few: whether it is little.
        label: of the button.
    """
    if few:
        return True
    key, cache = content_key([task.key for task in tasks]), shared_engine().cache
    started: set[str] = st.session_state.setdefault(_STARTED, set())
    if key in started or all(task.key in cache for task in tasks):
        return True
    if st.button(label, type="primary", icon=":material/straighten:"):
        started.add(key)
        return True
    return False
