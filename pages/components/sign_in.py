"""The password page: plain HTML, because only an HTTP answer can set a cookie scripts cannot read.

What the form sends goes to the same address. After a right password the browser holds a
random token, of which the database has the hash.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from pages.components.access import COOKIE, PATH
from pages.components.address import base_path
from xai_core.errors import XaiError
from xai_core.study import shared_store
from xai_core.study.access import Backoff, fits, known_hash, password_file

HOURS = 12
LONGEST_FORM = 4096  # bytes
PAGE = (Path(__file__).parent / "sign_in.html").read_text(encoding="utf-8")

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

_backoff = Backoff()


def route() -> Route:
    """The web server's route to the password page."""
    return Route(f"/{PATH}", answer, methods=["GET", "POST"])


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
            return _page("/", "That is too long for a password.", 413)
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
    response = RedirectResponse(base_path() + there, 303)
    response.set_cookie(
        COOKIE,
        token,
        max_age=HOURS * 3600,
        path=f"{base_path()}/",
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
    token = request.cookies.get(COOKIE, "")
    if token:
        await run_in_threadpool(shared_store().researcher_session.end, token)
    response = _page("/", "You are signed out.")
    response.delete_cookie(COOKIE, path=f"{base_path()}/")
    return response


def _next(asked: str) -> str:
    """Where to go afterwards: a path of this server, whatever was asked."""
    inside = asked.startswith("/") and not asked.startswith(("//", "/\\")) and "\n" not in asked
    base = base_path()
    path = asked if inside else "/"
    return path[len(base) :] or "/" if base and path.startswith(base + "/") else path


def _page(
    there: str, sentence: str = "", status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    content = PAGE.replace("{sentence}", escape(sentence)).replace("{next}", escape(there))
    safe = {"Content-Security-Policy": POLICY, "Cache-Control": "no-store"}
    return HTMLResponse(content, status, safe | (headers or {}))
