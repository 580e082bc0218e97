"""What is compared: models, each with a method and its settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components import working_methods
from pages.components.classified import Classified
from pages.components.live import wait_for
from pages.components.methods import choose_methods
from pages.components.model_choice import choose_model
from pages.components.select_controls import segments
from pages.components.study.design import fields, model_facts, own_condition
from pages.components.study.design.drafts import Draft, begin_anew
from pages.components.study.design.items import changed, fresh_id, offer_moves
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.explainers.choices import Choice, assignments, column_title
from xai_core.study.design import Condition, Design
from xai_core.study.problems import MOST_CONDITIONS

FIRST = (Choice("gradcam"),)
SOURCES = {"models": "A model with methods", "maps": "Maps of mine"}


def show(draft: Draft) -> None:
    """The step "Compared"."""
    design = draft.design
    st.caption(
        "What the heatmaps of a trial differ in: two models with one method, two methods on one "
        "model, or both; or maps that you computed elsewhere. Participants never see these names."
    )
    for number, condition in enumerate(design.conditions):
        _card(draft, condition, number)
    if not design.conditions:
        st.info("Nothing is compared yet. Choose a model and one or more methods below.")
    with st.container(border=True):
        source = segments(
            st, "Add", SOURCES, f"{draft.slug} condition source", bind=None,
            label_visibility="collapsed",
        )  # fmt: skip
        (_add if source == "models" else own_condition.add)(draft)


def leave() -> None:
    """Stop trying methods, which another step has no use for."""
    gather(working_methods.PURPOSE, [], patience=0)


def _card(draft: Draft, condition: Condition, number: int) -> None:
    name = condition.id
    with st.container(border=True):
        row = st.container(horizontal=True, vertical_alignment="bottom")
        row.text_input(
            f"{number + 1}. Name in your results",
            max_chars=100,
            **fields.bound(
                draft,
                f"{name} title",
                condition.title,
                lambda old, word: replace(
                    old, conditions=changed(old.conditions, name, title=word.strip())
                ),
            ),
        )
        moved = offer_moves(row, draft.design.conditions, number)
        if moved is not None:
            begin_anew(draft, replace(draft.design, conditions=moved))
        if condition.model:
            choice = Choice(condition.method, condition.settings)
            settings = [text.partition(".")[2] for text in assignments(choice)]
            parts = [model_facts.model_title(condition.model), column_title(choice.id), *settings]
        else:
            parts = own_condition.described(condition)
        st.caption(plain(" · ".join(parts)))


def _add(draft: Draft) -> None:
    """Choose a model and methods, and add them."""
    model_column, method_column = st.columns([2, 3], gap="large")
    with model_column:
        model = choose_model()
    if model is None:
        return
    with method_column:
        about = wait_for("model", tasks.describe(model), "Loading the model").facts
        classified = Classified(model, about, [])
        refusals = working_methods.refusals(classified)
        st.subheader("Methods", anchor=False)
        row = st.container(horizontal=True, vertical_alignment="bottom")
        choices = choose_methods(classified, refusals, row, FIRST)
        st.caption(plain(", ".join(column_title(choice.id) for choice in choices)) or "None yet.")
        free = MOST_CONDITIONS - len(draft.design.conditions)
        many = f"{len(choices)} conditions" if len(choices) != 1 else "this condition"
        if st.button(
            f"Add {many}",
            type="primary",
            icon=":material/add:",
            disabled=not 0 < len(choices) <= free,
            key="add conditions",
        ):
            begin_anew(draft, _with(draft.design, classified, choices))
        if len(choices) > free:
            st.caption(f"A study compares at most {MOST_CONDITIONS}.")
    working_methods.find_out(classified, idle=True)


def _with(design: Design, classified: Classified, choices: Sequence[Choice]) -> Design:
    """The design with these methods on this model, but for those that are there already."""
    found = list(design.conditions)
    for choice in choices:
        same = (dict(classified.model), choice.method, _as_json(choice))
        if same in [(each.model, each.method, each.settings) for each in found]:
            continue
        title = f"{column_title(choice.id)} · {model_facts.model_title(classified.model)}"
        found.append(Condition(fresh_id("c", found), title, *same))
    return replace(design, conditions=tuple(found))


def _as_json(choice: Choice) -> dict[str, Any]:
    """The settings as JSON keeps them, so that a draft read again equals the one written."""
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in choice.settings.items()
    }
