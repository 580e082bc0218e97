"""Every model in one table: those that are here, and by words of its name what can be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.address_bar import write
from pages.components.model_facts import ABOUT, ORDER, SHORT, group_of, methods_of
from xai_core.explainers.known_support import GROUPS
from xai_core.models import ModelInfo, available_models
from xai_core.models.registry import named_like

LEAST = 2  # letters
_OPEN = "_model-search"  # in the session: whether somebody searches


def offer(control: str) -> None:
    """A button that opens the search.

    Args:
        control: key of the control that is set to the model that is found.
    """
    if st.button("Find another model", icon=":material/search:", width="stretch"):
        st.session_state[_OPEN] = True
    if st.session_state.get(_OPEN):  # also when the page runs again because a result has come
        _search(control)


def _close() -> None:
    st.session_state.pop(_OPEN, None)


@st.dialog("Find a model", width="large", on_dismiss=_close)
def _search(control: str) -> None:
    words = st.text_input(
        "Words of its name",
        placeholder="resnet 50",
        help="Every word must be found. timm's names say after the dot what the weights were "
        "trained on: in1k is ImageNet with 1,000 classes, in12k and in21k have more.",
    ).split()
    infos = _infos()
    searched = len("".join(words)) >= LEAST
    found = named_like(infos, words) if searched else [i for i in infos if i.local]
    if not searched:
        more = sum(not info.local for info in infos)
        st.caption(f"{more:,} more can be downloaded: write two letters or more of a name.")
    if not found:
        st.info("No model has these words in its name.")
        return
    found.sort(key=lambda info: ORDER.index(group_of(info)))
    event = st.dataframe(
        _table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(),
        placeholder="–",
    )
    rows = event.selection.rows
    chosen = found[rows[0]].id if rows and rows[0] < len(found) else None
    st.button(
        f"Use {chosen}" if chosen else "Choose one in the table",
        disabled=chosen is None,
        type="primary",
        on_click=_use,
        args=(control, chosen),
    )
    if st.session_state.get(_OPEN) is False:
        st.rerun()


def _columns() -> dict[str, Any]:
    """How the table's columns look, and what they mean."""
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    groups = {
        SHORT[family]: text(
            help=f"{title}: how many of the methods of this group work, as found by trying them "
            "on this model or on a small network of its kind."
        )
        for family, title in GROUPS.items()
    }
    return {
        "where": text(help="  \n".join(f"{name}: {said}" for name, said in ABOUT.items())),
        "top-1": number(format="%.1f %%", help="Of its validation pictures, as published."),
        "weights": number(format="%.1f million"),
        "file": number(format="%.0f MB"),
        **groups,
    }


@st.cache_resource(show_spinner="Looking through the libraries", ttl=60)  # what is here changes
def _infos() -> list[ModelInfo]:
    return available_models()


def _use(control: str, chosen: str) -> None:
    st.session_state[control] = chosen
    st.session_state[_OPEN] = False
    write(control, chosen)


def _table(infos: Sequence[ModelInfo]) -> pd.DataFrame:
    methods = [methods_of(info) for info in infos]
    return pd.DataFrame(
        {
            "where": [group_of(info) for info in infos],
            "model": [info.id for info in infos],
            "top-1": [info.accuracy for info in infos],
            "weights": [info.parameters and info.parameters / 1e6 for info in infos],
            "file": [info.size_mb for info in infos],
            "input": ["×".join(map(str, info.input_size or "–")) for info in infos],
            "classes": [info.classes for info in infos],
            **{title: [one[family] for one in methods] for family, title in SHORT.items()},
        }
    )
