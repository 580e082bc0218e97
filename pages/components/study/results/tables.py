"""How the result tables look on the page: people's words, percents, and a dash for nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from xai_core.study.analysis.cases import CASE_TITLES

WORDS = {
    "model": "{One}", "other": "Other {one}", "case": "Case", "count": "Count",
    "images": "Pictures", "share": "Share", "low": "from", "high": "to", "choice": "Answer",
    "answers": "Answers", "difference": "Difference", "only_model": "Only this {one}'s",
    "only_other": "Only the other's", "p": "p", "p_holm": "p (Holm)", "note": "Note",
    "measure": "Measure", "value": "Value", "place": "Place", "participant": "Participant",
    "participants": "Participants", "always": "Always there", "ending": "Ending",
    "median": "Median, s", "quarter": "Quarter, s", "three_quarters": "Three quarters, s",
    "fast": "Under 1 s", "focus_losses": "Other windows", "hidden": "Hidden, s",
    "checks": "Checks", "checks_failed": "Failed checks", "failed": "Failed",
    "hurried": "Hurried", "kind": "Kind", "step": "Step", "title": "Step", "variant": "Variant",
    "position": "Place of the trial", "picture": "Picture", "decided": "Accurate",
    "agreement": "Agreement", "question": "Question",
}  # fmt: skip
PERCENT = ("share", "low", "high", "difference")


def show(
    table: pd.DataFrame,
    key: str,
    titles: Mapping[str, str] | None = None,
    compared: str = "condition",
    row_height: int | None = None,
    **more: Any,
) -> None:
    """A table; text in it is shown as it is.

    Args:
        table: with the analysis' names of columns.
        key: of the element.
        titles: what people read of ids in the columns of conditions and choices.
        compared: what the conditions are, in a word.
        row_height: in pixels.
        more: configuration of single columns.
    """
    shown = table.copy()
    for name in ("model", "other", "choice"):
        if name in shown and titles:
            shown[name] = shown[name].map(lambda own: titles.get(own, own))
    if "case" in shown:
        shown["case"] = shown["case"].astype(str).map(CASE_TITLES)
    percent = PERCENT if {"share", "difference"} & set(shown.columns) else ()
    columns: dict[str, Any] = {}
    for name in shown.columns:
        word = _word(str(name), compared)
        if name in percent:
            columns[str(name)] = st.column_config.NumberColumn(word, format="percent")
        elif name in ("p", "p_holm"):
            columns[str(name)] = st.column_config.NumberColumn(word, format="%.4f")
        elif pd.api.types.is_float_dtype(shown[name]):
            columns[str(name)] = st.column_config.NumberColumn(word, format="%.3f")
        else:
            columns[str(name)] = st.column_config.Column(word)
    st.dataframe(
        shown,
        hide_index=True,
        key=key,
        column_config={**columns, **more},
        row_height=row_height,
        placeholder="–",
    )


def _word(name: str, compared: str) -> str:
    """What people read of a column."""
    words = {"one": compared, "One": compared.capitalize()}
    return WORDS[name].format(**words) if name in WORDS else name
