"""What the address bar asks for that does not exist is said."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st

from pages.components.text import plain


def warn_of_unknown(parameter: str, known: Collection[str], what: str) -> None:
    """Name each value of an address parameter that is not offered; the page goes on without it.

    Args:
        parameter: its name in the address.
        known: the values that exist, as the widget titles them.
        what: what such a value is, in words.
    """
    for value in st.query_params.get_all(parameter):
        if value and value not in known:
            notice(f"There is no {what} “{plain(value[:80])}”; the page goes on without it.")


def write(parameter: str, value: str | Sequence[str] | None) -> None:
    """Let the address say so much; nothing of the parameter for None."""
    if value is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value


def notice(sentence: str) -> None:
    """Say something that stays until it is closed, although the page runs again."""
    st.toast(sentence, icon=":material/link_off:", duration="infinite")
