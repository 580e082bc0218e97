"""Controls of single values of the draft; each shows what the draft says and writes into it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.components.study.design.drafts import Change, Draft, commit


def text(
    draft: Draft, name: str, label: str, value: str, change: Change, place: Any = st, **options: Any
) -> None:
    """A line of text.

    Args:
        draft: the draft.
        name: of the control, unique on the page.
        label: what people read.
        value: what the draft says.
        change: gives the design with another value.
        place: where the control goes.
        options: of ``st.text_input``.
    """
    place.text_input(label, **_bound(draft, name, value, change), **options)


def area(
    draft: Draft, name: str, label: str, value: str, change: Change, place: Any = st, **options: Any
) -> None:
    """Several lines of text; as ``text``."""
    place.text_area(label, **_bound(draft, name, value, change), **options)


def number(
    draft: Draft,
    name: str,
    label: str,
    value: int,
    limits: tuple[int, int],
    change: Change,
    place: Any = st,
    **options: Any,
) -> None:
    """A whole number within limits; as ``text``.

    What the draft says is within the limits of the moment, or brought into them on the page;
    the draft changes only when somebody changes it.
    """
    low, high = limits
    bound = _bound(draft, name, min(max(value, low), high), change)
    st.session_state[bound["key"]] = min(max(st.session_state[bound["key"]], low), high)
    place.number_input(label, low, high, step=1, **bound, **options)


def slider(
    draft: Draft,
    name: str,
    label: str,
    value: float,
    limits: tuple[float, float],
    change: Change,
    step: float = 0.05,
) -> None:
    """A number within limits, as a slider; as ``text``."""
    low, high = limits
    st.slider(label, low, high, step=step, **_bound(draft, name, float(value), change))


def toggle(
    draft: Draft,
    name: str,
    label: str,
    value: bool,
    change: Change,
    place: Any = st,
    **options: Any,
) -> None:
    """Yes or no; as ``text``."""
    place.toggle(label, **_bound(draft, name, value, change), **options)


def choice(
    draft: Draft,
    name: str,
    label: str,
    choices: Sequence[Any],
    value: Any,
    change: Change,
    place: Any = st,
    title: Callable[[Any], str] = str,
    **options: Any,
) -> None:
    """One of several, in a list; as ``text``. A value that is no longer offered stays chosen.

    Args:
        draft: the draft.
        name: of the control, unique on the page.
        label: what people read.
        choices: what is offered.
        value: what the draft says.
        change: gives the design with another value.
        place: where the control goes.
        title: what people read of a choice.
        options: of ``st.selectbox``.
    """
    offered = list(choices) if value in choices else [value, *choices]
    bound = _bound(draft, name, value, change)
    place.selectbox(label, offered, format_func=title, **bound, **options)


def several(
    draft: Draft,
    name: str,
    label: str,
    choices: Sequence[str],
    values: Sequence[str],
    change: Change,
    place: Any = st,
    **options: Any,
) -> None:
    """Any number of several; as ``text``. A value that is not offered is left out."""
    bound = _bound(draft, name, [value for value in values if value in choices], change)
    place.multiselect(label, list(choices), **bound, **options)


def segments(
    draft: Draft,
    name: str,
    label: str,
    choices: dict[Any, str],
    value: Any,
    change: Change,
    place: Any = st,
    **options: Any,
) -> None:
    """One of a few, side by side; as ``text``, with the titles by choice."""
    bound = _bound(draft, name, value, change)
    place.segmented_control(
        label, list(choices), required=True, format_func=choices.__getitem__, **bound, **options
    )


def _bound(draft: Draft, name: str, value: Any, change: Change) -> dict[str, Any]:
    """What binds a control to the draft: its key with its state, and its callback."""
    key = draft.key(name)
    st.session_state.setdefault(key, value)
    return {"key": key, "on_change": commit, "args": (draft, key, change)}
