"""Where our own routes are, besides Streamlit's.

What a page tells the browser of them has no slash before it, as "pictures/KEY": the browser
takes it from where the page is. So it is right under whatever path the visitor reached this
server, of which a proxy may have taken something off.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def own_route(
    path: str, answer: Callable[[Request], Awaitable[Response]], methods: Collection[str] = ("GET",)
) -> Route:
    """The web server's route to a path of our own, behind the base path as Streamlit's own are."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"/{base}/{path}" if base else f"/{path}", answer, methods=list(methods))
