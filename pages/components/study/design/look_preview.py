"""One picture of the study with all its heatmaps, as participants will see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import streamlit as st
from PIL import Image

from pages.components import alt_text
from pages.components.access import require_researcher
from pages.components.live import live, status
from pages.components.select_controls import select_box
from pages.components.study.design import model_facts
from pages.components.study.design.drafts import Draft
from pages.components.text import errors_shown, plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.jobs import Task
from xai_core.study import shared_store
from xai_core.study.design import Design
from xai_core.study.field_of_view import plain_png

PURPOSE = "study-sample"
WIDEST = 230  # pixels of the page


def show(draft: Draft) -> None:
    """The picture that is chosen, under every condition."""
    design = draft.design
    if not (design.conditions and design.pictures):
        st.info("Choose what is compared, and pictures; then you see here how they look.")
        return
    names = {picture.id: picture.name for picture in design.pictures}
    chosen = select_box(st, "Shown here", names, draft.key("sample"), bind=None, width=320)
    about = model_facts.wait(design)
    if about is None:
        return
    picture = next(each for each in design.pictures if each.id == chosen)
    alone = replace(design, pictures=(picture,))
    with errors_shown():
        asked = tasks.study_pictures(alone, about, lambda asset: shared_store().asset(asset)[0])
        work = gather(PURPOSE, list(asked.values()), patience=0.5)
        live(partial(_row, alone, asked, work), work)


def _row(design: Design, asked: Mapping[tuple[str, str], Task], work: Work) -> None:
    require_researcher("study_design")
    status(work, "Drawing")
    (picture,) = design.pictures
    width = min(design.look.side, WIDEST)
    first = next(iter(asked.values())).arguments["shown"]
    row = st.container(horizontal=True)
    with row.container(width=width):
        alt_text.image(plain_png(Image.fromarray(first)), "The picture")
        st.caption(f"Original · {plain(picture.true_class or 'class not chosen')}")
    for condition in design.conditions:
        result = work.results.get(asked[picture.id, condition.id].key)
        with row.container(width=width):
            if result is None:
                st.container(height=width, border=True)
                st.caption(plain(condition.title))
                continue
            alt_text.image(result.arrays["png"].tobytes(), "A heatmap")
            words = f"**{plain(condition.title)}**"
            if condition.model:
                said = f"{result.facts['predicted_class']} {result.facts['probability']:.0%}"
                words += f"  \npredicts {plain(said)}"
            st.caption(words)
