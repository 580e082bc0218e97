"""Which methods are run, with which settings; all controls come from the method table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from pages.components import presets
from pages.components.address import warn_of_unknown
from pages.components.controls import choose_bases, control
from pages.components.scene import Scene
from pages.components.text import plain
from xai_core.explainers import METHODS, Method
from xai_core.explainers.presets import Choice, base_param, column_title
from xai_core.explainers.registry import FAMILIES

FIRST = (
    "saliency",
    "input_x_gradient",
    "guided_backprop",
    "gradcam",
    "guided_gradcam",
    "integrated_gradients",
)


def choose_methods(scene: Scene, refusals: Mapping[str, str]) -> list[Choice]:
    """The methods' row: what to run, the CAM layer, and every other setting.

    Args:
        scene: the model and the pictures.
        refusals: sentences about methods that do not work on the model, by id.

    Returns:
        The columns, in the table's order.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row.popover("Methods", icon=":material/grid_view:"):
        presets.offer(refusals)
        chosen = [name for family in FAMILIES for name in _family(family, refusals)]
    names = [name for name in METHODS if name in chosen]
    with row.popover("Settings", icon=":material/tune:"):
        choices = [choice for name in names for choice in _settings(name, scene)]
        if not any(METHODS[name].params for name in names):
            st.caption("None of these methods has settings.")
    layer = _layer(row, scene, names)
    if layer is None:
        return choices
    return [
        Choice(choice.method, {**choice.settings, "layer": layer})
        if _uses_layer(METHODS[choice.method])
        else choice
        for choice in choices
    ]


def _family(family: str, refusals: Mapping[str, str]) -> list[str]:
    """The pills of one family; their choice."""
    names = [name for name, entry in METHODS.items() if entry.family == family]
    if not names:
        return []
    key = presets.family_key(family)
    warn_of_unknown(key, [METHODS[name].title for name in names], "method")
    chosen: list[str] = (
        st.pills(
            FAMILIES[family],
            names,
            selection_mode="multi",
            default=[name for name in names if name in FIRST],
            format_func=lambda name: METHODS[name].title,
            key=key,
            bind="query-params",
            width="stretch",
            on_change=presets.by_hand,
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
    # A pill's title stands in the address bar, so it is the style that says it and not the title.
    places = ",".join(f".st-key-{key} button:nth-of-type({names.index(n) + 1})" for n in refused)
    st.html(f"<style>{places}{{opacity:.5;text-decoration:line-through}}</style>")
    with st.expander(f"Not on this model: {', '.join(METHODS[n].title for n in refused)}"):
        for name in refused:
            st.caption(plain(refusals[name]))


def _settings(name: str, scene: Scene) -> list[Choice]:
    """The controls of a method, for each of its columns."""
    base = base_param(name)
    if base is None:
        return [_column(Choice(name), scene)]
    return [_column(Choice(name, {"base": id}), scene) for id in choose_bases(name, base)]


def _column(choice: Choice, scene: Scene) -> Choice:
    """The controls of one column."""
    own = [
        param
        for param in METHODS[choice.method].params
        if param.kind != "layer" and param.name not in choice.settings
    ]
    if not own:
        return choice
    st.markdown(f"**{column_title(choice.id)}**")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        given = {param.name: control(choice.id, param, scene) for param in own}
    return Choice(choice.method, {**choice.settings, **given})


def _layer(row: Any, scene: Scene, names: Sequence[str]) -> str | None:
    """The layer of the activation maps; None where there is nothing to choose."""
    layers, usual = scene.facts["cam_layers"], scene.facts["cam_layer"]
    warn_of_unknown("layer", layers, "layer")
    if not layers or not any(_uses_layer(METHODS[name]) for name in names):
        return None
    layer: str = row.selectbox(
        "Layer of the activation maps",
        list(layers),
        index=layers.index(usual) if usual in layers else 0,
        key="layer",
        bind="query-params",
        width=220,
    )
    return layer


def _uses_layer(method: Method) -> bool:
    return any(param.kind == "layer" for param in method.params)
