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


def unchanging(content: bytes, mime: str, kept_by: str) -> Response:
    """An answer that never changes under its address, so that it is asked for once.

    Args:
        content: what is sent.
        mime: its type.
        kept_by: "private", the visitor's browser; or "public", whatever stands between, too.
    """
    headers = {
        "Cache-Control": f"{kept_by}, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=mime, headers=headers)


def own_route(
    path: str, answer: Callable[[Request], Awaitable[Response]], methods: Collection[str] = ("GET",)
) -> Route:
    """The web server's route to a path of our own, behind the base path as Streamlit's own are."""
    base = st.get_option("server.baseUrlPath").strip("/")
    return Route(f"/{base}/{path}" if base else f"/{path}", answer, methods=list(methods))
