"""What each model says of each picture, so that right and wrong ones can be mixed."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.components.live import live
from pages.components.study.design import model_facts
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.classes import class_titles
from xai_core.images import model_input
from xai_core.jobs import Task
from xai_core.study import shared_store
from xai_core.study.design import Design, StudyPicture

PURPOSE = "study-answers"
EVERY_S = 1.0
MOST_NAMED = 3  # models; of more only a count is told


def show(design: Design, pictures: Sequence[StudyPicture], share: float) -> dict[str, str]:
    """What the models say, as the end of each picture's caption, by the picture's id.

    Until an answer is there, its place is taken by dots; the page runs again when all are.

    Args:
        design: the study.
        pictures: those on the page.
        share: of a picture's shorter side that is shown.
    """
    about = model_facts.known(design)
    if not about or set(about) != {condition.id for condition in design.with_models}:
        return {}
    asked = _tasks(design, pictures, share)
    work = gather(PURPOSE, list(asked.values()), patience=0.3)
    if work.running:
        live(lambda: None, work, every_s=EVERY_S)
    models = {each.id: model_facts.model_title(each.model) for each in design.with_models}
    found = {}
    for picture in pictures:
        lines, right = [], 0
        for name in model_facts.distinct(design):
            result = work.results.get(asked[picture.id, name].key)
            if result is None:
                lines.append("…")
                continue
            shares = result.arrays["probabilities"][0]
            place = int(shares.argmax())
            best = class_titles(about[name]["class_names"])[place]
            fits = place == tasks.true_index(about[name], picture.true_class)
            right += fits
            mark = ":material/check:" if fits else ":material/close:" if picture.true_class else ""
            lines.append(f"{mark} {plain(f'{models[name]}: {best} {shares.max():.0%}')}")
        if len(lines) > MOST_NAMED:
            lines = [f"{right} of {len(lines)} models are right"]
        found[picture.id] = "".join(f"  \n{line}" for line in lines)
    return found


def _tasks(
    design: Design, pictures: Sequence[StudyPicture], share: float
) -> dict[tuple[str, str], Task]:
    """One prediction for each picture and model, by the picture's and the condition's id."""
    about = model_facts.known(design)
    models = {each.id: each.model for each in design.with_models}
    found = {}
    for name in model_facts.distinct(design):
        facts = about[name]
        side = (facts["input_size"][0], facts["input_size"][1])
        for picture in pictures:
            pixels = _pixels(picture.asset, share, side, facts["resample"])
            digest = f"study {picture.asset} {share}"
            found[picture.id, name] = tasks.predict(
                models[name], facts["fingerprint"], [digest], [pixels]
            )
    return found


@st.cache_data(max_entries=600, show_spinner=False)
def _pixels(asset: str, share: float, side: tuple[int, int], resample: str) -> NDArray[np.float32]:
    """The part of the picture that is shown, as the model gets it."""
    content, _ = shared_store().asset(asset)
    return model_input(Image.open(io.BytesIO(content)), side, share, resample)
