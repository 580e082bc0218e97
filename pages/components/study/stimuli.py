"""Pictures of published studies for the browser, each at an address that tells nothing.

What a name leads to never changes, so the browser and whatever stands between may keep it.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route
from xai_core.errors import StudyUnavailableError
from xai_core.study import shared_store

PATH = "stimuli"
LIMIT = 64 * 2**20  # bytes held, so that a picture is read from the database once
_NAME = re.compile(r"[A-Za-z0-9_-]{8,128}")

_held: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
_lock = Lock()


def address(name: str) -> str:
    """Where the browser finds the picture of that name, seen from any page."""
    return f"{PATH}/{name}"


async def serve(request: Request) -> Response:
    """One picture; 404 if there is none of that name, 503 while the database is away."""
    name = request.path_params["name"]
    if not _NAME.fullmatch(name):
        return _nothing(404)
    found = _remembered(name)
    if found is None:
        try:
            found = await run_in_threadpool(_read, name)
        except StudyUnavailableError:
            return _nothing(503)
        if found is None:
            return _nothing(404)
        _remember(name, found)
    content, mime = found
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=mime, headers=headers)


def route() -> Route:
    """The web server's route to the pictures."""
    return own_route(f"{PATH}/{{name}}", serve)


def _read(name: str) -> tuple[bytes, str] | None:
    return shared_store().stimulus(name)


def _nothing(status: int) -> Response:
    return Response(status_code=status, headers={"Cache-Control": "no-store"})


def _remembered(name: str) -> tuple[bytes, str] | None:
    with _lock:
        if name in _held:
            _held.move_to_end(name)
        return _held.get(name)


def _remember(name: str, found: tuple[bytes, str]) -> None:
    """Hold a picture; what was longest unused leaves until the rest is within ``LIMIT``."""
    with _lock:
        _held[name] = found
        size = sum(len(content) for content, _ in _held.values())
        while size > LIMIT and len(_held) > 1:
            _, (content, _) = _held.popitem(last=False)
            size -= len(content)
