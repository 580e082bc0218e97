"""Finding a model among those of torchvision and timm, by words of its name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from pages.components.address_bar import write
from xai_core.models import ModelInfo, available_models
from xai_core.models.registry import named_like

LEAST = 2  # letters


def offer(control: str) -> None:
    """A button that opens the search.

    Args:
        control: key of the control that is set to the model that is found.
    """
    if st.button("Find another model", icon=":material/search:", width="stretch"):
        _search(control)


@st.dialog("Find a model", width="large")
def _search(control: str) -> None:
    words = st.text_input(
        "Words of its name",
        placeholder="resnet 50",
        help="Every word must be found. timm's names say after the dot what the weights were "
        "trained on: in1k is ImageNet with 1,000 classes, in12k and in21k have more.",
    ).split()
    infos = _infos()
    if len("".join(words)) < LEAST:
        st.caption(f"{len(infos):,} models; write two letters or more.")
        return
    found = named_like(infos, words)
    if not found:
        st.info("No model has these words in its name.")
        return
    event = st.dataframe(
        _table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "top-1": st.column_config.NumberColumn(
                format="%.1f %%", help="Of ImageNet's validation pictures, as published."
            ),
            "weights": st.column_config.NumberColumn(format="%.1f million"),
            "here": st.column_config.CheckboxColumn(
                help="Whether the weights are on this machine; else they are downloaded."
            ),
        },
    )
    rows = event.selection.rows
    chosen = found[rows[0]].id if rows else None
    st.button(
        f"Use {chosen}" if chosen else "Choose one in the table",
        disabled=chosen is None,
        type="primary",
        on_click=_use,
        args=(control, chosen),
    )
    if st.session_state.pop(_FOUND, False):
        st.rerun()


_FOUND = "_model-found"  # in the session: the dialog can be closed


@st.cache_resource(show_spinner="Looking through the libraries", ttl=60)  # what is here changes
def _infos() -> list[ModelInfo]:
    return available_models()


def _use(control: str, chosen: str) -> None:
    st.session_state[control] = chosen
    st.session_state[_FOUND] = True
    write(control, chosen)


def _table(infos: Sequence[ModelInfo]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "model": [info.id for info in infos],
            "top-1": [info.accuracy for info in infos],
            "weights": [info.parameters and info.parameters / 1e6 for info in infos],
            "input": ["×".join(map(str, info.input_size or "–")) for info in infos],
            "classes": [info.classes for info in infos],
            "library": [info.source for info in infos],
            "here": [info.local for info in infos],
        }
    )
