"""The password page: plain HTML, because only an HTTP answer can set a cookie scripts cannot read.

What the form sends goes to the same address. After a right password the browser holds a
random token, of which the database has the hash. The cookie names no path and the way back is a
relative one: the browser then takes the folder of this page, which is what the visitor knows this
server under, also where a proxy takes something off the path.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pages.components.access import COOKIE, PATH, tokens
from pages.components.routes import own_route
from xai_core.errors import XaiError
from xai_core.study import shared_store
from xai_core.study.password import Backoff, fits, known_hash, password_file

HOURS = 12
LONGEST_FORM = 4096  # bytes
PAGE = (Path(__file__).parent / "sign_in.html").read_text(encoding="utf-8")

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
_HERE = re.compile(r"[A-Za-z0-9_-]*")  # a page's name in the address

_backoff = Backoff()


def route() -> Route:
    """The web server's route to the password page."""
    return own_route(PATH, answer, methods=("GET", "POST"))


async def answer(request: Request) -> Response:
    """The form, or what comes of it."""
    if request.method == "GET":
        if "out" in request.query_params:
            return await _signed_out(request)
        return _page(_next(request.query_params.get("next", "")))
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return _page("", "That is too long for a password.", 413)
    fields = parse_qs(body.decode("utf-8", "replace"))
    there = _next(fields.get("next", [""])[0])
    asker = request.client.host if request.client else ""
    wait = _backoff.wait_s(asker)
    if wait > 0:
        sentence = f"Too many wrong passwords. Try again in {round(wait) + 1} seconds."
        return _page(there, sentence, 429, {"Retry-After": str(round(wait) + 1)})
    # Counted before it is looked at, so that many at once are not free.
    _backoff.failed(asker)
    try:
        token = await run_in_threadpool(_opened, fields.get("password", [""])[0])
    except XaiError as error:
        return _page(there, str(error), 503)
    if not token:
        return _page(there, "That is not the password.", 403)
    _backoff.succeeded(asker)
    response = RedirectResponse(f"./{there}", 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=HOURS * 3600,
        path=None,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


def _opened(password: str) -> str:
    """A new token for the right password, otherwise ""."""
    known = known_hash(password_file())
    return shared_store().researcher_session.start(HOURS) if known and fits(password, known) else ""


async def _signed_out(request: Request) -> Response:
    for token in tokens(request.headers.getlist("cookie")):
        await run_in_threadpool(shared_store().researcher_session.end, token)
    response = _page("", "You are signed out.")
    response.set_cookie(COOKIE, max_age=0, path=None, httponly=True)
    return response


def _next(asked: str) -> str:
    """Where to go afterwards: a page of this server, whatever was asked."""
    page, _, _ = asked.partition("?")
    return asked if _HERE.fullmatch(page) and asked.isprintable() else ""


def _page(
    there: str, sentence: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    content = PAGE.replace("{sentence}", escape(sentence)).replace("{next}", escape(there))
    safe = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(content, status, safe | (headers or {}))
