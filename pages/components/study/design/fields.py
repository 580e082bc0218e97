"""What binds controls to the draft: each shows what the draft says and writes into it.

``st.toggle("Another order", **part(draft, "random_order"))`` is bound to one part of the design.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.study.design.drafts import Change, Draft, commit

Bound = dict[str, Any]  # options of a control


def bound(draft: Draft, name: str, value: Any, change: Change) -> Bound:
    """What binds a control to the draft: its key with its state, and its callback.

    Args:
        draft: the draft.
        name: of the control, unique on the page.
        value: what the draft says.
        change: gives the design with another value.
    """
    key = draft.key(name)
    st.session_state.setdefault(key, value)
    return {"key": key, "on_change": commit, "args": (draft, key, change)}


def part(draft: Draft, name: str, clean: Callable[[Any], Any] = lambda given: given) -> Bound:
    """What binds a control to the design's part of that name; ``clean`` makes it of the input."""
    value = getattr(draft.design, name)
    return bound(draft, name, value, lambda old, given: replace(old, **{name: clean(given)}))


def number(label: str, limits: tuple[int, int], bound: Bound, **options: Any) -> None:
    """A whole number within limits.

    What the draft says is within the limits of the moment, or brought into them on the page;
    the draft changes only when somebody changes it. The state is set no more often than that:
    it takes the place of what is being typed.
    """
    low, high = limits
    value = st.session_state[bound["key"]]
    if not low <= value <= high:
        st.session_state[bound["key"]] = min(max(value, low), high)
    st.number_input(label, low, high, step=1, **bound, **options)


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
    value = st.session_state[bound["key"]]
    offered = {**({} if value in titles else {value: str(value)}), **titles}
    place.selectbox(label, list(offered), format_func=offered.__getitem__, **bound, **options)


def segments(label: str, titles: Mapping[Any, str], bound: Bound, **options: Any) -> None:
    """One of a few, side by side, by what people read of each."""
    st.segmented_control(
        label, list(titles), required=True, format_func=titles.__getitem__, **bound, **options
    )
