"""Votes for each picture, beside what the participants saw."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.study import stimuli
from pages.components.study.results import tables
from xai_core.study import Version, shared_store
from xai_core.study.analysis.results import Results, choice_titles
from xai_core.study.storage.pulse import picture_names
from xai_core.study.storage.records import Records

ROW = 84  # pixels


def show(records: Records, found: Results, version: Version) -> None:
    """A row for each picture."""
    titles = choice_titles(records)
    names = picture_names(shared_store(), version.id)
    own = found.tables["votes"]
    models = [condition.id for condition in records.design.conditions]
    shown = own[["image"]].copy()
    pictures = {picture.id: picture for picture in records.design.pictures}
    shown["picture"] = [pictures[image].name for image in own.image]
    shown["class"] = [pictures[image].true_class for image in own.image]
    more: dict[str, Any] = {"image": None, "class": st.column_config.Column("Class")}
    seen: tuple[tuple[str, str | None, str], ...] = (("original", None, "Original"),)
    seen += tuple((f"map {model}", model, titles[model]) for model in models)
    for column, model, title in seen:
        shown[column] = [
            stimuli.address(names[image, model]) if (image, model) in names else None
            for image in own.image
        ]
        more[column] = st.column_config.ImageColumn(title)
        if model is not None:
            votes = f"votes_{model}"
            shown[votes] = own[votes]
            more[votes] = st.column_config.NumberColumn(f"Votes: {title}")
    for choice, title in titles.items():
        if choice not in models:
            shown[f"votes_{choice}"] = own[f"votes_{choice}"]
            more[f"votes_{choice}"] = st.column_config.NumberColumn(title)
    for name in ("answers", "agreement"):
        shown[name] = own[name]
    shown["decided"] = [_words(decided, titles) for decided in own.decided]
    right = records.predictions.set_index(["image", "model"]).correct
    for model in models:
        shown[f"right {model}"] = [bool(right[image, model]) for image in own.image]
        more[f"right {model}"] = st.column_config.CheckboxColumn(f"Right: {titles[model]}")
    st.caption(
        "Agreement is the share of pairs of participants who gave the same answer; accurate is "
        "the model whose map the votes decide for."
    )
    tables.show(shown, "votes-table", row_height=ROW, **more)


def _words(decided: str, titles: dict[str, str]) -> str:
    return " + ".join(titles.get(one, one) for one in decided.split(" + "))
