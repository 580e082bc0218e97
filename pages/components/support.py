"""Which methods work on the model: tried out while nobody waits for anything else."""

from __future__ import annotations

import streamlit as st

from pages.components.scene import Scene
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.explainers import METHODS
from xai_core.jobs import Task, shared_engine

PURPOSE = "support"
EVERY_S = 1.0


def refusals(scene: Scene) -> dict[str, str]:
    """Why methods do not work on the model, by id, as far as that is known."""
    found: dict[str, dict[str, str]] = st.session_state.setdefault("_refusals", {})
    if scene.fingerprint not in found:
        asked = _tasks(scene)
        cache = shared_engine().cache
        if all(task.key in cache for task in asked.values()):
            found[scene.fingerprint] = _told(asked, gather(PURPOSE, list(asked.values())))
    return found.get(scene.fingerprint, {})


def find_out(scene: Scene, idle: bool) -> None:
    """Try the methods, one after the other, while the page's own work is done.

    Args:
        scene: the model.
        idle: whether nothing else is being computed; otherwise the rest is put off.
    """
    if scene.fingerprint in st.session_state["_refusals"]:
        return
    asked = _tasks(scene)
    work = gather(PURPOSE, list(asked.values()) if idle else [], patience=0, aside=True)
    if work.running:
        st.fragment(_wait, run_every=EVERY_S)(work)
    elif idle:
        st.session_state["_refusals"][scene.fingerprint] = _told(asked, work)
        st.rerun()


def _tasks(scene: Scene) -> dict[str, Task]:
    return {name: tasks.support(scene.model, scene.fingerprint, name) for name in METHODS}


def _told(asked: dict[str, Task], work: Work) -> dict[str, str]:
    """What the results say; a trial that itself went wrong says nothing."""
    return {
        name: work.results[task.key].facts["refusal"]
        for name, task in asked.items()
        if task.key in work.results
    }


def _wait(work: Work) -> None:
    work.collect()
    if not work.running:
        st.rerun()
