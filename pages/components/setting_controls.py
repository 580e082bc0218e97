"""One control for one setting of a method, by its class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.components import control_state
from pages.components.classified import Classified
from xai_core.explainers import METHODS
from xai_core.params import (
    BaselineParam,
    BaselinesParam,
    BoolParam,
    ChoiceParam,
    MethodParam,
    NumberParam,
    Param,
)

BUILT_IN = "Built-in reference pictures"
TITLES = {  # others are their own words
    "samples": BUILT_IN,
    "auto": "Training pictures, or else built-in ones",
    "training": "The model's training pictures",
}
CHOSEN = "The pictures on the left"


def control_name(column: str, param: Param) -> str:
    """Name of a setting's control, for ``control_state``."""
    return f"{column}.{param.name}"


def control(column: str, param: Param, classified: Classified) -> Any:
    """The control of a column's setting; its value.

    A picture is told by the word of ``Classified.by_source``.
    """
    key = control_state.key(control_name(column, param))
    _, draw = _widget(param)
    return draw(
        param,
        classified,
        current(key, to_control(param, param.default)),
        label=param.name.replace("_", " "),
        key=key,
        help=param.help,
    )


def to_control(param: Param, value: Any) -> Any:
    """What the state of a setting's control must be for it to give ``value``."""
    state, _ = _widget(param)
    return state(param, value)


def choose_bases(name: str, param: MethodParam) -> list[str]:
    """The methods that a method averages, each of which gives a column; the default for none."""
    key = control_state.key(control_name(name, param))
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


def _choose_baseline(
    param: BaselineParam, classified: Classified, state: list[str], **place: Any
) -> Any:
    names = {word: f"Picture: {word}" for word in classified.by_source if word not in param.choices}
    options = [*param.choices, *names]
    chosen = st.multiselect(
        options=options,
        default=[word for word in state if word in options],
        format_func=lambda word: names.get(word, word),
        width=260,
        **place,
    )
    return chosen[0] if len(chosen) == 1 else chosen or param.default


def _choose_baselines(
    param: BaselinesParam, classified: Classified, state: str, **place: Any
) -> Any:
    words = {_titled(word): word for word in param.choices}
    titles = [*words, CHOSEN] if len(classified.by_source) > 1 else list(words)
    return words.get(_one_of(titles, state, **place)) or list(classified.by_source)


def _titled(word: str) -> str:
    return TITLES.get(word) or word.replace("_", " ").capitalize()


def _one_of(options: list[str], state: str, **place: Any) -> Any:
    index = options.index(state) if state in options else 0
    return st.selectbox(options=options, index=index, width=220, **place)


def _enter(param: NumberParam, _: Classified, state: float, **place: Any) -> Any:
    return st.number_input(
        min_value=param.number(param.low),
        max_value=param.number(param.high),
        value=param.number(state),
        format="%.6g" if isinstance(param.default, float) else None,
        width=150,
        **place,
    )


# The state of a control that gives a value, and what draws the control and tells its value.
WIDGETS: dict[type, tuple[Callable[..., Any], Callable[..., Any]]] = {
    BaselineParam: (
        lambda _, value: list(value) if isinstance(value, list | tuple) else [value],
        _choose_baseline,
    ),
    BaselinesParam: (
        lambda _, value: _titled(value) if isinstance(value, str) else CHOSEN,
        _choose_baselines,
    ),
    ChoiceParam: (
        lambda _, value: value,
        lambda param, _, state, **place: _one_of(list(param.choices), state, **place),
    ),
    BoolParam: (
        lambda _, value: value,
        lambda param, _, state, **place: st.toggle(value=state, **place),
    ),
    NumberParam: (lambda param, value: param.number(value), _enter),
}


def _widget(param: Param) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Of the nearest class that has one."""
    return next(WIDGETS[kind] for kind in type(param).__mro__ if kind in WIDGETS)
