"""Buttons that choose a whole set of methods with their settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from pages.components.controls import control_key, to_control
from xai_core.explainers import METHODS
from xai_core.explainers.presets import (
    EVERYTHING,
    PRESETS,
    Choice,
    base_param,
    column_title,
    everything,
)
from xai_core.explainers.registry import FAMILIES

_WORKING = "_only-what-works"  # in the session: methods that turn out not to work are left out


def offer(refusals: Mapping[str, str]) -> None:
    """One button a preset.

    Args:
        refusals: sentences about methods that do not work on the model, by id.
    """
    if st.session_state.get(_WORKING):
        _leave_out(refusals)
    row = st.container(horizontal=True, gap="small")
    for preset in PRESETS.values():
        titles = ", ".join(column_title(choice.id) for choice in preset.choices)
        row.button(
            preset.title,
            key=f"preset {preset.id}",
            help=f"{titles}. {preset.source}.",
            on_click=choose,
            args=(preset.choices,),
            type="tertiary",
        )
    row.button(
        "Everything that works on this model",
        key=f"preset {EVERYTHING}",
        on_click=_choose_everything,
        args=(refusals,),
        type="tertiary",
    )


def family_key(family: str) -> str:
    """Name of a family's pills, in the session and in the address."""
    return f"m-{family}"


def choose(choices: Sequence[Choice]) -> None:
    """Select exactly these methods, with exactly these settings."""
    state = st.session_state
    state[_WORKING] = False
    names = {choice.method for choice in choices}
    for family in FAMILIES:
        state[family_key(family)] = [
            name for name, entry in METHODS.items() if entry.family == family and name in names
        ]
    for choice in choices:
        base = base_param(choice.method)
        if base is not None:
            state[control_key(choice.method, base)] = [
                other.settings.get("base", base.default)
                for other in choices
                if other.method == choice.method
            ]
        for param in METHODS[choice.method].params:
            if param is not base and param.kind != "layer":
                value = choice.settings.get(param.name, param.default)
                state[control_key(choice.id, param)] = to_control(param, value)


def by_hand() -> None:
    """Note that the methods are now chosen one by one."""
    st.session_state[_WORKING] = False


def _choose_everything(refusals: Mapping[str, str]) -> None:
    choose(everything(refusals))
    st.session_state[_WORKING] = True


def _leave_out(refusals: Mapping[str, str]) -> None:
    """Take back what, by now, is known not to work."""
    for family in FAMILIES:
        chosen = st.session_state.get(family_key(family))
        if chosen and any(refusals.get(name) for name in chosen):
            st.session_state[family_key(family)] = [n for n in chosen if not refusals.get(n)]
