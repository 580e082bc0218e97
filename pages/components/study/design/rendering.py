"""Every picture of the study is drawn once, in the background, and then published at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import streamlit as st

from pages.components.access import require_researcher
from pages.components.live import bar, live
from pages.components.study.design import model_facts
from pages.components.text import errors_shown, plain
from pages.components.work import CANCELLED, Work, gather
from xai_core import tasks
from xai_core.errors import XaiError
from xai_core.jobs import Task
from xai_core.study import shared_store
from xai_core.study.design import Design

PURPOSE = "study-render"
ASKED = "_study_rendering"  # in the session: what is being drawn
MOST_SAID = 5


@dataclass
class Rendering:
    """What is to be published when its pictures are there.

    Attributes:
        slug: of the study.
        design: as it was when the button was pressed.
        preview: whether it is for researchers alone.
        tasks: by picture and condition, once the models are known.
        facts: of the models, by condition.
    """

    slug: str
    design: Design
    preview: bool
    tasks: Mapping[tuple[str, str], Task] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def start(slug: str, design: Design, preview: bool) -> None:
    """Begin to draw, and publish when it is done."""
    st.session_state[ASKED] = Rendering(slug, design, preview)


def under_way(slug: str) -> Rendering | None:
    """What is being drawn for a study."""
    asked: Rendering | None = st.session_state.get(ASKED)
    return asked if asked is not None and asked.slug == slug else None


def show(asked: Rendering) -> int | None:
    """Go on with drawing; progress, or what went wrong, is on the page.

    Returns:
        The number of the version when it has been published, else None.
    """
    require_researcher("study_design")
    if not asked.tasks:
        about = model_facts.wait(asked.design)
        if about is None:
            return None
        try:
            with st.spinner("Preparing the pictures"):
                asked.facts = about
                asked.tasks = tasks.study_pictures(
                    asked.design, about, lambda name: shared_store().asset(name)[0]
                )
        except XaiError as error:
            _stop()
            st.error(plain(str(error)), icon=":material/error:")
            return None
    work = gather(PURPOSE, list(asked.tasks.values()), patience=0.5)
    if work.running:
        live(partial(bar, work, "Drawing the pictures"), work)
        return None
    if work.problems:
        _problems(asked, work)
        return None
    return _publish(asked, work)


def _publish(asked: Rendering, work: Work) -> int | None:
    rendered, predictions = tasks.study_rendered(
        asked.design, asked.facts, asked.tasks, work.results
    )
    # Before anything is stored, so that no second run of the page publishes again.
    _stop()
    gather(PURPOSE, [])
    with errors_shown():
        newest = shared_store().versions(asked.slug)[-1:]
        if not asked.preview and newest and newest[0].number and newest[0].design == asked.design:
            return newest[0].number  # another tab was quicker
        with st.spinner("Publishing"):
            made = shared_store().publish(
                asked.slug, asked.design, rendered, predictions, preview=asked.preview
            )
        return made.number
    return None


def _stop() -> None:
    st.session_state.pop(ASKED, None)


def _problems(asked: Rendering, work: Work) -> None:
    """Which pictures could not be drawn, and what to do."""
    pictures = {each.id: each.name for each in asked.design.pictures}
    titles = {each.id: each.title for each in asked.design.conditions}
    names = {
        task.key: f"{pictures[picture]}, {titles[condition]}"
        for (picture, condition), task in asked.tasks.items()
    }
    failed = {key: said for key, said in work.problems.items() if said != CANCELLED}
    with st.container(border=True):
        if not failed:
            st.markdown("Cancelled. Nothing was published; what was drawn is kept.")
        for key, sentence in list(failed.items())[:MOST_SAID]:
            st.markdown(f"{plain(names[key])}: {plain(sentence)}")
        if len(failed) > MOST_SAID:
            st.markdown(f"{len(failed) - MOST_SAID} more could not be drawn.")
        row = st.container(horizontal=True)
        if row.button("Go on drawing", key="draw again"):
            work.retry()
            st.rerun()
        if row.button("Not now", key="leave drawing"):
            work.retry()
            _stop()
            st.rerun()
