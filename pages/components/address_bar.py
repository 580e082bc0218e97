"""What the address bar asks for that does not exist is said."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

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
    wanted = [] if value is None else [value] if isinstance(value, str) else list(value)
    if st.query_params.get_all(parameter) == wanted:
        return
    if value is None:
        st.query_params.pop(parameter, None)
    else:
        st.query_params[parameter] = value


def navigated() -> bool:
    """Whether this run comes of the back button, and the address is to be read again.

    Older versions of Streamlit do not tell; the page stays as it is then.
    """
    return getattr(get_script_run_ctx(), "is_history_navigation", False)


def this_page() -> str:
    """Which page runs; the address of another one says nothing of what only we write there."""
    context = get_script_run_ctx()
    return "" if context is None else context.page_script_hash


def notice(sentence: str) -> None:
    """Say something that stays until it is closed, although the page runs again."""
    st.toast(sentence, icon=":material/link_off:", duration="infinite")
