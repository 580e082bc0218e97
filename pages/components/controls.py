"""One control for one setting of a method, by its kind."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components import renewed
from pages.components.scene import Scene
from xai_core.explainers import METHODS, Param

BUILT_IN = "Built-in reference pictures"
TITLES = {  # others are their own words
    "samples": BUILT_IN,
    "auto": "Training pictures, or else built-in ones",
    "training": "The model's training pictures",
}
CHOSEN = "The pictures on the left"


def control_name(column: str, param: Param) -> str:
    """Name of a setting's control, for ``renewed``."""
    return f"{column}.{param.name}"


def control(column: str, param: Param, scene: Scene) -> Any:
    """The control of a column's setting; its value.

    A picture is told by the word of ``Scene.pictures``.
    """
    key, label = renewed.key(control_name(column, param)), param.name.replace("_", " ")
    usual = current(key, to_control(param, param.default))
    if param.kind == "baseline":
        names = {word: f"Picture: {word}" for word in scene.pictures if word not in param.choices}
        options = [*param.choices, *names]
        chosen = st.multiselect(
            label,
            options,
            default=[word for word in usual if word in options],
            format_func=lambda word: names.get(word, word),
            key=key,
            help=param.help,
            width=260,
        )
        return chosen[0] if len(chosen) == 1 else chosen or param.default
    if param.kind == "baselines":
        words = {_titled(word): word for word in param.choices}
        titles = [*words, CHOSEN] if len(scene.pictures) > 1 else list(words)
        source = _one_of(label, titles, usual, key, param.help)
        return words.get(source) or list(scene.pictures)
    if param.choices:
        return _one_of(label, list(param.choices), usual, key, param.help)
    if param.kind == "bool":
        return st.toggle(label, usual, key=key, help=param.help)
    kind = int if param.kind == "int" else float
    return st.number_input(
        label,
        min_value=None if param.low is None else kind(param.low),
        max_value=None if param.high is None else kind(param.high),
        value=kind(usual),
        format=None if kind is int else "%.6g",
        key=key,
        help=param.help,
        width=150,
    )


def choose_bases(name: str, param: Param) -> list[str]:
    """The methods that a method averages, each of which gives a column; the default for none."""
    key = renewed.key(control_name(name, param))
    chosen = st.multiselect(
        f"{METHODS[name].title} of",
        list(param.choices),
        default=current(key, [param.default]),
        format_func=lambda base: METHODS[base].title,
        key=key,
        help=f"{param.help} Each of them gives a column.",
    )
    return chosen or [param.default]


def current(key: str, usual: Any) -> Any:
    """The state of a control, to be given as its default too; ``usual`` where it has none.

    A control in a closed popover is not there for the browser, and misses that its state is set:
    when it comes, it begins with its default.
    """
    return st.session_state.get(key, usual)


def to_control(param: Param, value: Any) -> Any:
    """What the state of a setting's control must be for it to give ``value``."""
    if param.kind == "baseline":
        return list(value) if isinstance(value, list | tuple) else [value]
    if param.kind == "baselines":
        return _titled(value) if isinstance(value, str) else CHOSEN
    if param.kind in ("int", "float"):
        return int(value) if param.kind == "int" else float(value)
    return value


def _titled(word: str) -> str:
    return TITLES.get(word) or word.replace("_", " ").capitalize()


def _one_of(label: str, options: list[str], usual: str, key: str, help_text: str) -> Any:
    index = options.index(usual) if usual in options else 0
    return st.selectbox(label, options, index=index, key=key, help=help_text, width=220)
