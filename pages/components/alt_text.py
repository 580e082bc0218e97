"""Tables and pictures with words in their place, for those who hear the page."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import streamlit as st

from pages.components.text import plain


def table(content: Any, words: str, place: Any = st, **options: Any) -> Any:
    """A table without its index.

    Args:
        content: what ``st.dataframe`` takes.
        words: what is heard.
        place: where it goes.
        options: of ``st.dataframe``.
    """
    return place.dataframe(content, hide_index=True, **_alt(st.dataframe, words), **options)


def image(
    content: Any, words: str, place: Any = st, width: int | str = "stretch", caption: bool = False
) -> None:
    """A picture; as ``table``.

    Args:
        content: what ``st.image`` takes.
        words: what is heard; with ``caption`` they stand below the picture, too.
        place: where it goes.
        width: in pixels, or "stretch": as wide as there is room.
        caption: whether the words can be read.
    """
    below = plain(words) if caption else None
    place.image(content, below, width, **_alt(st.image, words))


def _alt(draw: Callable[..., Any], words: str) -> dict[str, Any]:
    """The option that passes the words on; none where this version of Streamlit has none."""
    return {"alt": words} if "alt" in signature(draw).parameters else {}
