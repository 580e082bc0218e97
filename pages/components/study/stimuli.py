"""Pictures of published studies for the browser, each at an address that tells nothing.

What a name leads to never changes, so the browser and whatever stands between may keep it.
"""

from __future__ import annotations

import re
from threading import Lock

from cachetools import LRUCache
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route, unchanging
from xai_core.errors import StudyUnavailableError
from xai_core.study import shared_store

PATH = "stimuli"
LIMIT = 64 * 2**20  # bytes held, so that a picture is read from the database once
_NAME = re.compile(r"[A-Za-z0-9_-]{8,128}")

# Content with its MIME type; what was longest unused leaves first.
_held: LRUCache[str, tuple[bytes, str]] = LRUCache(LIMIT, getsizeof=lambda held: len(held[0]))
_lock = Lock()


def address(name: str) -> str:
    """Where the browser finds the picture of that name, seen from any page."""
    return f"{PATH}/{name}"


async def serve(request: Request) -> Response:
    """One picture; 404 if there is none of that name, 503 while the database is away."""
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        return _nothing(404)
    with _lock:
        found = _held.get(name)
    if found is None:
        try:
            found = await run_in_threadpool(lambda: shared_store().stimulus(name))
        except StudyUnavailableError:
            return _nothing(503)
        if found is None:
            return _nothing(404)
        with _lock:
            _held[name] = found
    return unchanging(*found, "public")


def route() -> Route:
    """The web server's route to the pictures."""
    return own_route(f"{PATH}/{{name}}", serve)


def _nothing(status: int) -> Response:
    return Response(status_code=status, headers={"Cache-Control": "no-store"})
