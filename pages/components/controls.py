"""One control for one setting of a method, by its kind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.scene import Scene
from xai_core.explainers import METHODS, Param

BUILT_IN = "Built-in reference pictures"
CHOSEN = "The pictures on the left"


def control_key(column: str, param: Param) -> str:
    """Name of a setting's control, in the session and in the address."""
    return f"{column}.{param.name}"


def control(column: str, param: Param, scene: Scene) -> Any:
    """The control of a column's setting; its value.

    A picture is told by the word of ``Scene.pictures``.
    """
    shared = {"key": control_key(column, param), "help": param.help, "bind": "query-params"}
    label = param.name.replace("_", " ")
    if param.kind == "baseline":
        return _baseline(label, param, scene, shared)
    if param.kind == "baselines":
        return _baselines(label, param, scene, shared)
    if param.choices:
        options = list(param.choices)
        index = options.index(param.default)
        return st.selectbox(label, options, index=index, width=180, **shared)
    if param.kind == "bool":
        return st.toggle(label, param.default, **shared)
    kind = int if param.kind == "int" else float
    return st.number_input(
        label,
        min_value=None if param.low is None else kind(param.low),
        max_value=None if param.high is None else kind(param.high),
        value=kind(param.default),
        format=None if kind is int else "%.6g",
        width=150,
        **shared,
    )


def choose_bases(name: str, param: Param) -> list[str]:
    """The methods that a method averages, each of which gives a column; the default for none."""
    chosen = st.multiselect(
        f"{METHODS[name].title} of",
        list(param.choices),
        default=[param.default],
        format_func=lambda base: METHODS[base].title,
        key=control_key(name, param),
        help=f"{param.help} Each of them gives a column.",
        bind="query-params",
    )
    return chosen or [param.default]


def to_control(param: Param, value: Any) -> Any:
    """What the state of a setting's control must be for it to give ``value``."""
    if param.kind == "baseline":
        return list(value) if isinstance(value, list | tuple) else [value]
    if param.kind == "baselines":
        return BUILT_IN if isinstance(value, str) else CHOSEN
    if param.kind in ("int", "float"):
        return int(value) if param.kind == "int" else float(value)
    return value


def _baseline(label: str, param: Param, scene: Scene, shared: dict[str, Any]) -> Any:
    """One or several names and pictures."""
    names = {word: f"Picture: {word}" for word in scene.pictures if word not in param.choices}
    chosen = st.multiselect(
        label,
        [*param.choices, *names],
        default=[param.default],
        format_func=lambda word: names.get(word, word),
        width=260,
        **shared,
    )
    return chosen[0] if len(chosen) == 1 else chosen or param.default


def _baselines(label: str, param: Param, scene: Scene, shared: dict[str, Any]) -> Any:
    """The built-in pictures, or all that are on the page."""
    options = [BUILT_IN, CHOSEN] if len(scene.pictures) > 1 else [BUILT_IN]
    chosen = st.selectbox(label, options, width=260, **shared)
    return param.default if chosen == BUILT_IN else list(scene.pictures)
