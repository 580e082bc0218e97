"""Which methods are run, with which settings; all controls come from the method table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components import control_state, preset_buttons, selection
from pages.components.address_bar import warn_of_unknown
from pages.components.classified import Classified
from pages.components.setting_controls import choose_bases, control, current
from pages.components.text import plain
from xai_core.explainers import METHODS
from xai_core.explainers.choices import Choice, base_param, column_title
from xai_core.params import LayerParam, Param

MOST_OPEN = 3  # settings of more methods are folded up


def choose_methods(
    classified: Classified,
    refusals: Mapping[str, str],
    row: Any,
    first: Sequence[Choice] = selection.FIRST,
) -> list[Choice]:
    """The methods' row: what to run, the CAM layer, and every other setting.

    Args:
        classified: the model and the pictures.
        refusals: sentences about methods that do not work on the model, by id.
        row: where the controls go.
        first: what is selected when the page is opened.

    Returns:
        The columns, in the table's order.
    """
    selection.read_address(classified.by_source, first)
    selection.leave_out(refusals)
    with row.popover("Methods", icon=":material/grid_view:"):
        preset_buttons.offer(refusals)
        chosen = [name for pills in selection.rows() for name in _pills(*pills, refusals)]
    names = [name for name in METHODS if name in chosen]
    with row.popover("Settings", icon=":material/tune:"):
        choices = _settings(names, classified)
    selection.write_address(choices, first)
    layered = [choice for choice in choices if _uses_layer(choice)]
    layer = _layer(row, classified) if layered else None
    if layer is None:
        return choices
    return [
        Choice(choice.method, {**choice.settings, "layer": layer}) if choice in layered else choice
        for choice in choices
    ]


def _pills(name: str, title: str, names: Sequence[str], refusals: Mapping[str, str]) -> list[str]:
    """One row of methods; those chosen."""
    key = control_state.key(name)
    chosen: list[str] = (
        st.pills(
            title,
            names,
            selection_mode="multi",
            default=current(key, []),
            format_func=lambda name: METHODS[name].title,
            key=key,
            on_change=selection.by_hand,
        )
        or []
    )
    _mark([name for name in names if refusals.get(name)], names, key, refusals)
    return chosen


def _mark(
    refused: Sequence[str], names: Sequence[str], key: str, refusals: Mapping[str, str]
) -> None:
    """Cross out what does not work on the model, and say why."""
    if not refused:
        return
    places = ",".join(f".st-key-{key} button:nth-of-type({names.index(n) + 1})" for n in refused)
    st.html(f"<style>{places}{{opacity:.5;text-decoration:line-through}}</style>")
    with st.expander(f"Not on this model: {', '.join(METHODS[n].title for n in refused)}"):
        for name in refused:
            st.caption(plain(refusals[name]))


def _settings(names: Sequence[str], classified: Classified) -> list[Choice]:
    """The controls of every column."""
    columns: list[Choice] = []
    for name in names:
        base = base_param(name)
        bases = [{}] if base is None else [{base.name: b} for b in choose_bases(name, base)]
        columns += [Choice(name, given) for given in bases]
    adjustable = [choice for choice in columns if _own(choice)]
    if not adjustable:
        st.caption("None of these methods has settings.")
    found = []
    for choice in columns:
        if choice in adjustable:
            place = st.expander(column_title(choice.id), expanded=len(adjustable) <= MOST_OPEN)
            with place, st.container(horizontal=True, vertical_alignment="bottom"):
                given = {p.name: control(choice.id, p, classified) for p in _own(choice)}
            choice = Choice(choice.method, {**choice.settings, **given})
        found.append(choice)
    return found


def _own(choice: Choice) -> list[Param]:
    """The settings of a column that have a control of their own."""
    params = METHODS[choice.method].accepted(choice.settings)
    return [p for p in params if not isinstance(p, LayerParam) and p.name not in choice.settings]


def _layer(row: Any, classified: Classified) -> str | None:
    """The layer of the activation maps; None where there is nothing to choose."""
    layers, usual = classified.facts["cam_layers"], classified.facts["cam_layer"]
    warn_of_unknown("layer", layers, "layer")
    if not layers:
        return None
    layer: str = row.selectbox(
        "CAM layer",
        list(layers),
        index=layers.index(usual) if usual in layers else 0,
        key="layer",
        bind="query-params",
        width=150,
    )
    return layer


def _uses_layer(choice: Choice) -> bool:
    params = METHODS[choice.method].accepted(choice.settings)
    return any(isinstance(param, LayerParam) for param in params)
