"""Pictures of a data set on the server's disk, drawn by lot."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.components.data_sets import data_sets
from pages.components.live import wait_for
from pages.components.select_controls import select_box
from pages.components.study.design import model_facts
from pages.components.study.design.drafts import Draft
from pages.components.study.design.originals import add, stored, true_classes
from pages.components.text import errors_shown
from xai_core import tasks
from xai_core.datasets import listed
from xai_core.errors import DataError
from xai_core.study.design import Design

MOST = 300
LOT = "by lot"
WANTED = "_study_draw"  # in the session: what is being chosen


def show(draft: Draft, classes: Sequence[str] | None) -> None:
    """Choose a data set and how many of its pictures; ``classes`` as in ``adding.show``."""
    folders = data_sets()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Data set", list(folders), key=draft.key("data set"), width=200)
    models = {LOT: "all alike", **_models(draft.design)}
    by = select_box(
        row,
        "Drawn from",
        models,
        draft.key("drawn by"),
        bind=None,
        width=300,
        help="All alike: so many pictures by lot. Or by lot among those that a model classifies "
        "rightly, and among those that it does not.",
    )
    labels = ("Pictures",) if by == LOT else ("Rightly classified", "Wrongly classified")
    counts = [
        int(row.number_input(label, 0, MOST, 10, key=draft.key(f"draw {label}"), width=150))
        for label in labels
    ]
    seed = int(row.number_input("Seed", 0, 2**31 - 1, 0, key=draft.key("draw seed"), width=120,
                                help="The same seed draws the same pictures."))  # fmt: skip
    asked = (draft.slug, folders[name], by, counts, seed)
    if row.button("Draw", type="primary", key="draw", disabled=not any(counts)):
        st.session_state[WANTED] = asked
    if st.session_state.get(WANTED) != asked:
        return
    with errors_shown(DataError):
        drawn, refused = (
            _by_lot(Path(folders[name]), counts[0], seed, classes)
            if by == LOT
            else _by_answer(draft.design, by, folders[name], counts, seed)
        )
        del st.session_state[WANTED]
        with st.spinner("Reading the pictures"):
            found = stored((path.name, path.read_bytes(), true) for path, true in drawn)
        found.refused += refused
        add(draft, found)


def _models(design: Design) -> dict[str, str]:
    """What can be chosen by: each model's first condition, with what people read."""
    by = {each.id: each for each in design.conditions}
    return {
        name: f"what {model_facts.model_title(by[name].model)} gets right and wrong"
        for name in model_facts.distinct(design)
    }


def _by_lot(
    folder: Path, count: int, seed: int, classes: Sequence[str] | None
) -> tuple[Sequence[tuple[Path, str]], Sequence[str]]:
    """Files with their true classes, and what is wrong with names of folders."""
    files = [(path, true or "") for path, true in listed(folder)]
    drawn = random.Random(seed).sample(files, min(count, len(files)))
    known, problems = true_classes([true for _, true in drawn], classes)
    return [(path, known.get(true, "")) for path, true in drawn], problems


def _by_answer(
    design: Design, name: str, folder: str, counts: Sequence[int], seed: int
) -> tuple[Sequence[tuple[Path, str]], Sequence[str]]:
    model = next(each.model for each in design.conditions if each.id == name)
    about = wait_for("study-draw-model", tasks.describe(model), "Loading the model").facts
    right, wrong = counts
    order = tasks.study_draw(model, about["fingerprint"], folder, right, wrong, seed)
    drawn = wait_for("study-draw", order, "Choosing pictures").facts
    pairs = zip(drawn["names"], drawn["classes"], strict=True)
    return [(Path(folder) / path, true) for path, true in pairs], drawn["unread"]
