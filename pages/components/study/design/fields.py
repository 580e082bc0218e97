"""Controls of single values of the draft; each shows what the draft says and writes into it.

What the draft says is the control's default, not its state in the session: a browser draws a new
control with its default and hears of its state a moment later; a click before it would send the
default.
"""

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
    place.text_input(label, value, **_bound(draft, name, change), **options)


def area(
    draft: Draft, name: str, label: str, value: str, change: Change, place: Any = st, **options: Any
) -> None:
    """Several lines of text; as ``text``."""
    place.text_area(label, value, **_bound(draft, name, change), **options)


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
    key = draft.key(name)
    if key in st.session_state and not low <= st.session_state[key] <= high:
        st.session_state[key] = min(max(st.session_state[key], low), high)
    begun = min(max(value, low), high)
    place.number_input(label, low, high, begun, step=1, **_bound(draft, name, change), **options)


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
    st.slider(label, low, high, float(value), step, **_bound(draft, name, change))


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
    place.toggle(label, value, **_bound(draft, name, change), **options)


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
    bound = _bound(draft, name, change)
    place.selectbox(label, offered, offered.index(value), format_func=title, **bound, **options)


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
    chosen = [value for value in values if value in choices]
    place.multiselect(label, list(choices), chosen, **_bound(draft, name, change), **options)


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
    place.segmented_control(
        label,
        list(choices),
        default=value,
        required=True,
        format_func=choices.__getitem__,
        **_bound(draft, name, change),
        **options,
    )


def _bound(draft: Draft, name: str, change: Change) -> dict[str, Any]:
    """What binds a control to the draft: its key, and its callback."""
    key = draft.key(name)
    return {"key": key, "on_change": commit, "args": (draft, key, change)}
