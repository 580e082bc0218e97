"""Addresses: what the bar asks for that does not exist is said, and where our own routes are.

What a page tells the browser of our own routes has no slash before it, as "pictures/KEY": the
browser takes it from where the page is. So it is right under whatever path the visitor reached
this server, of which a proxy may have taken something off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

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


def notice(sentence: str) -> None:
    """Say something that stays until it is closed, although the page runs again."""
    st.toast(sentence, icon=":material/link_off:", duration="infinite")


def own_route(
    path: str, answer: Callable[[Request], Awaitable[Response]], methods: Collection[str] = ("GET",)
) -> Route:
    """The web server's route to a path of our own, behind the base path as Streamlit's own are."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"/{base}/{path}" if base else f"/{path}", answer, methods=list(methods))
