"""Controls of one choice out of several, by what people read of each; the address holds it."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import Any, TypeVar

import streamlit as st

Option = TypeVar("Option")
# Where there is no room for all side by side, they take further lines.
WRAPPED = {"wrap": True} if "wrap" in signature(st.segmented_control).parameters else {}


def select_box(
    place: Any, label: str, titles: Mapping[Option, str], key: str, **options: Any
) -> Option:
    """A list, of which the first is chosen at first.

    Args:
        place: where it goes.
        label: what is chosen.
        titles: what people read of each option.
        key: of the control, and its name in the address.
        options: of ``st.selectbox``; with ``bind=None`` the address says nothing.
    """
    given = {"format_func": titles.__getitem__, "key": key, "bind": "query-params", **options}
    chosen: Option = place.selectbox(label, list(titles), **given)
    return chosen


def segments(
    place: Any, label: str, titles: Mapping[Option, str], key: str, **options: Any
) -> Option:
    """A few side by side, of which one is always chosen; as ``select_box``."""
    given = {"format_func": titles.__getitem__, "key": key, "bind": "query-params"}
    given |= WRAPPED | options
    first = given.pop("default", next(iter(titles)))
    chosen: Option = place.segmented_control(
        label, list(titles), default=first, required=True, **given
    )
    return chosen
