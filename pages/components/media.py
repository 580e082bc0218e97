"""Pictures and maps for the browser, at addresses made from their content.

A page publishes bytes and passes the address to its drawing; the browser fetches each
address once and keeps it. Only as much as ``LIMIT`` is held; what was dropped is published
again by the page's next run.
"""

from __future__ import annotations

import hashlib
from threading import Lock

from cachetools import LRUCache
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route, unchanging

LIMIT = 512 * 2**20  # bytes
PATH = "pictures"

# Content with its MIME type; what was longest unused leaves first.
_held: LRUCache[str, tuple[bytes, str]] = LRUCache(LIMIT, getsizeof=lambda held: len(held[0]))
_lock = Lock()


def publish(content: bytes, mime: str = "application/octet-stream") -> str:
    """Hold ``content`` for the browser and return its address, seen from any page."""
    key = hashlib.sha256(content).hexdigest()
    with _lock:
        _held[key] = (content, mime)
    return f"{PATH}/{key}"


async def serve(request: Request) -> Response:
    """One published piece, or 404."""
    with _lock:
        found = _held.get(request.path_params["key"])
    return Response(status_code=404) if found is None else unchanging(*found, "private")


def route() -> Route:
    """The web server's route to the published pieces."""
    return own_route(f"{PATH}/{{key}}", serve)
