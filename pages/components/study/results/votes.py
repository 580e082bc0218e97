"""Votes for each picture, beside what the participants saw."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.study import stimuli
from pages.components.study.results import tables
from pages.components.study.results.analysis import Shown
from xai_core.study import shared_store
from xai_core.study.storage.pulse import picture_names

ROW = 84  # pixels


def show(shown: Shown) -> None:
    """A row for each picture."""
    titles, records = shown.titles, shown.records
    names = picture_names(shared_store(), shown.version_id)
    own = shown.results.tables["votes"]
    models = [condition.id for condition in records.design.conditions]
    table = own[["image"]].copy()
    pictures = {picture.id: picture for picture in records.design.pictures}
    table["picture"] = [pictures[image].name for image in own.image]
    table["class"] = [pictures[image].true_class for image in own.image]
    more: dict[str, Any] = {"image": None, "class": st.column_config.Column("Class")}
    seen: tuple[tuple[str, str | None, str], ...] = (("original", None, "Original"),)
    seen += tuple((f"map {model}", model, titles[model]) for model in models)
    for column, model, title in seen:
        table[column] = [
            stimuli.address(names[image, model]) if (image, model) in names else None
            for image in own.image
        ]
        more[column] = st.column_config.ImageColumn(title)
        if model is not None:
            votes = f"votes_{model}"
            table[votes] = own[votes]
            more[votes] = st.column_config.NumberColumn(f"Votes: {title}")
    for choice, title in titles.items():
        if choice not in models:
            table[f"votes_{choice}"] = own[f"votes_{choice}"]
            more[f"votes_{choice}"] = st.column_config.NumberColumn(title)
    for name in ("answers", "agreement"):
        table[name] = own[name]
    table["decided"] = [_words(decided, titles) for decided in own.decided]
    right = records.predictions.set_index(["image", "model"]).correct
    for model in models if len(right) else ():
        table[f"right {model}"] = [right.get((image, model)) for image in own.image]
        more[f"right {model}"] = st.column_config.CheckboxColumn(f"Right: {titles[model]}")
    st.caption(
        "Agreement is the share of pairs of participants who gave the same answer; accurate is "
        f"the {shown.compared} whose map the votes decide for. Right says whether the model "
        "predicts the class."
    )
    tables.show(table, "votes-table", row_height=ROW, **more)


def _words(decided: str, titles: dict[str, str]) -> str:
    return " + ".join(titles.get(one, one) for one in decided.split(" + "))
