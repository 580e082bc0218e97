"""Words in place of pictures and tables, for those who hear the page."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any


def alt_text(draw: Callable[..., Any], words: str) -> dict[str, Any]:
    """The option that passes the words on; none where this version of Streamlit has none.

    Args:
        draw: what draws, such as ``st.image``.
        words: what is heard.
    """
    return {"alt": words} if "alt" in signature(draw).parameters else {}
