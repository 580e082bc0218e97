"""What binds controls to the draft: each shows what the draft says and writes into it.

``st.toggle("Another order", **part(draft, "random_order"))`` is bound to one part of the design.

What the draft says is the control's default, not its state in the session: a browser draws a new
control with its default and hears of its state a moment later; a click before it would send the
default.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.select_controls import WRAPPED
from pages.components.study.design.drafts import Change, Draft, commit

Bound = dict[str, Any]  # options of a control


def bound(draft: Draft, name: str, value: Any, change: Change) -> Bound:
    """What binds a control to the draft: its key, its default, and its callback.

    Args:
        draft: the draft.
        name: of the control, unique on the page.
        value: what the draft says.
        change: gives the design with another value.
    """
    key = draft.key(name)
    return {"key": key, "value": value, "on_change": commit, "args": (draft, key, change)}


def part(draft: Draft, name: str, clean: Callable[[Any], Any] = lambda given: given) -> Bound:
    """What binds a control to the design's part of that name; ``clean`` makes it of the input."""
    value = getattr(draft.design, name)
    return bound(draft, name, value, lambda old, given: replace(old, **{name: clean(given)}))


def number(label: str, limits: tuple[int, int], bound: Bound, **options: Any) -> None:
    """A whole number within limits.

    What the draft says is within the limits of the moment, or brought into them on the page;
    the draft changes only when somebody changes it.
    """
    low, high = limits
    key = bound["key"]
    if key in st.session_state and not low <= st.session_state[key] <= high:
        st.session_state[key] = min(max(st.session_state[key], low), high)
    begun = min(max(bound["value"], low), high)
    st.number_input(label, low, high, step=1, **{**bound, "value": begun}, **options)


def choice(
    label: str, titles: Mapping[Any, str], bound: Bound, place: Any = st, **options: Any
) -> None:
    """One of several, in a list. A value that is no longer offered stays chosen.

    Args:
        label: what is chosen.
        titles: what people read of each choice.
        bound: what binds it to the draft.
        place: where the control goes.
        options: of ``st.selectbox``.
    """
    value, rest = _parted(bound)
    offered = titles if value in titles else {value: str(value), **titles}
    names = list(offered)

    def title(name: Any) -> str:
        return offered.get(name, str(name))  # some lists take other words than those offered

    place.selectbox(label, names, names.index(value), format_func=title, **rest, **options)


def several(
    label: str, choices: Sequence[str], bound: Bound, place: Any = st, **options: Any
) -> None:
    """Any number of several. A value that is not offered is left out."""
    values, rest = _parted(bound)
    chosen = [value for value in values if value in choices]
    place.multiselect(label, choices, chosen, **rest, **options)


def segments(label: str, titles: Mapping[Any, str], bound: Bound, **options: Any) -> None:
    """One of a few, side by side, by what people read of each."""
    value, rest = _parted(bound)
    given = {"format_func": titles.__getitem__} | WRAPPED | rest | options
    st.segmented_control(label, list(titles), default=value, required=True, **given)


def _parted(bound: Bound) -> tuple[Any, Bound]:
    """The default, which not every control calls its value, and the rest."""
    return bound["value"], {name: one for name, one in bound.items() if name != "value"}
