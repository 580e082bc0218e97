"""Which methods are run, with which settings; all controls come from the method table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.components.address import warn_of_unknown
from xai_core.explainers import METHODS
from xai_core.explainers.registry import FAMILIES, Method, Param

FIRST = (
    "saliency",
    "input_x_gradient",
    "guided_backprop",
    "gradcam",
    "guided_gradcam",
    "integrated_gradients",
)


def choose_methods(layers: Sequence[str], cam_layer: str | None) -> dict[str, dict[str, Any]]:
    """The methods' row: what to run, the CAM layer, and every other setting.

    Args:
        layers: layers that a class activation map can be made of.
        cam_layer: the model's default one.

    Returns:
        Settings by method id, in the table's order.
    """
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row.popover("Methods", icon=":material/grid_view:"):
        chosen = [name for family in FAMILIES for name in _family(family)]
    settings: dict[str, dict[str, Any]] = {name: {} for name in METHODS if name in chosen}
    with row.popover("Settings", icon=":material/tune:"):
        for name, given in settings.items():
            own = [param for param in METHODS[name].params if param.kind != "layer"]
            if own:
                st.markdown(f"**{METHODS[name].title}**")
            for param in own:
                given[param.name] = _control(name, param)
    warn_of_unknown("layer", layers, "layer")
    layered = [given for name, given in settings.items() if _uses_layer(METHODS[name])]
    if layers and layered:
        known = cam_layer is not None and cam_layer in layers
        layer = row.selectbox(
            "Layer of the activation maps",
            list(layers),
            index=layers.index(cam_layer) if known else 0,
            key="layer",
            bind="query-params",
            width=220,
        )
        for given in layered:
            given["layer"] = layer
    return settings


def _family(family: str) -> list[str]:
    """The pills of one family; their choice."""
    names = [name for name, entry in METHODS.items() if entry.family == family]
    if not names:
        return []
    key = f"m-{family}"
    warn_of_unknown(key, [METHODS[name].title for name in names], "method")
    return (
        st.pills(
            FAMILIES[family],
            names,
            selection_mode="multi",
            default=[name for name in names if name in FIRST],
            format_func=lambda name: METHODS[name].title,
            key=key,
            bind="query-params",
        )
        or []
    )


def _uses_layer(method: Method) -> bool:
    return any(param.kind == "layer" for param in method.params)


def _control(method: str, param: Param) -> Any:
    key = f"{method}.{param.name}"
    label = param.name.replace("_", " ")
    if param.choices:
        return st.selectbox(
            label,
            list(param.choices),
            index=list(param.choices).index(param.default),
            key=key,
            help=param.help,
            bind="query-params",
        )
    if param.kind == "bool":
        return st.toggle(label, param.default, key=key, help=param.help, bind="query-params")
    kind = int if param.kind == "int" else float
    return st.number_input(
        label,
        min_value=None if param.low is None else kind(param.low),
        max_value=None if param.high is None else kind(param.high),
        value=kind(param.default),
        key=key,
        help=param.help,
        bind="query-params",
    )
