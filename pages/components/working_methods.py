"""Which methods work on the model: tried out while nobody waits for anything else."""

from __future__ import annotations

import streamlit as st

from pages.components.classified import Classified
from pages.components.live import live
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.explainers import METHODS
from xai_core.jobs import Task, shared_engine

PURPOSE = "support"
EVERY_S = 1.0


def refusals(classified: Classified) -> dict[str, str]:
    """Why methods do not work on the model, by id, as far as that is known."""
    found: dict[str, dict[str, str]] = st.session_state.setdefault("_refusals", {})
    if classified.fingerprint not in found:
        asked = _tasks(classified)
        cache = shared_engine().cache
        if all(task.key in cache for task in asked.values()):
            found[classified.fingerprint] = _refusals(asked, gather(PURPOSE, list(asked.values())))
    return found.get(classified.fingerprint, {})


def find_out(classified: Classified, idle: bool) -> None:
    """Try the methods, one after the other, while the page's own work is done.

    Args:
        classified: the model.
        idle: whether nothing else is being computed; otherwise the rest is put off.
    """
    if classified.fingerprint in st.session_state["_refusals"]:
        return
    asked = _tasks(classified)
    work = gather(PURPOSE, list(asked.values()) if idle else [], patience=0, aside=True)
    if work.running:
        live(lambda: None, work, every_s=EVERY_S)
    elif idle:
        st.session_state["_refusals"][classified.fingerprint] = _refusals(asked, work)
        st.rerun()


def _tasks(classified: Classified) -> dict[str, Task]:
    return {name: tasks.support(*classified.loaded, name) for name in METHODS}


def _refusals(asked: dict[str, Task], work: Work) -> dict[str, str]:
    """What the results say; a trial that itself went wrong says nothing."""
    return {
        name: work.results[task.key].facts["refusal"]
        for name, task in asked.items()
        if task.key in work.results
    }
