"""Pictures and maps for the browser, at addresses made from their content.

A page publishes bytes and passes the address to its drawing; the browser fetches each
address once and keeps it. Only as much as ``LIMIT`` is held; what was dropped is published
again by the page's next run.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route

LIMIT = 512 * 2**20  # bytes
PATH = "pictures"

_held: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
_lock = Lock()


def publish(content: bytes, mime: str = "application/octet-stream") -> str:
    """Hold ``content`` for the browser and return its address, seen from any page."""
    key = hashlib.sha256(content).hexdigest()
    with _lock:
        if key not in _held:
            _held[key] = (content, mime)
            _make_room()
        _held.move_to_end(key)
    return f"{PATH}/{key}"


def _make_room() -> None:
    """Drop what was longest unused until the rest, or the latest alone, is within ``LIMIT``."""
    size = sum(len(held) for held, _ in _held.values())
    while size > LIMIT and len(_held) > 1:
        _, (dropped, _) = _held.popitem(last=False)
        size -= len(dropped)


async def serve(request: Request) -> Response:
    """One published piece, or 404."""
    with _lock:
        found = _held.get(request.path_params["key"])
    if found is None:
        return Response(status_code=404)
    content, mime = found
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(content, media_type=mime, headers=headers)


def route() -> Route:
    """The web server's route to the published pieces."""
    return own_route(f"{PATH}/{{key}}", serve)
