"""Our own components, and their JavaScript, served as the modules that it is written in.

Streamlit takes the code of a component as one string, from which nothing beside it can be
imported. So that string only fetches the component's first module, from where its relative
imports lead to the others; the browser keeps them all.

For all that Python sends, Streamlit imports that string anew, and hands over what was sent when the
import is there. Imports of one module that wait for it together end in any order (Chromium 156:
in the wrong one half of the time), so that what was sent first may arrive last, and would stay.
So everything carries its number.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route, unchanging

PATH = "modules"
HERE = Path(__file__).parent
FOLDERS = {
    "heatmap_grid": HERE / "heatmap_grid",
    "gallery": HERE / "gallery",
    "region_drawing": HERE / "region_drawing",
    "trial": HERE / "study" / "trial",
}
# Another attempt is made under another address: what could not be fetched once the browser does
# not ask for again, neither that module nor what it imports.
FETCH = """
const fetched = async () => {
  for (let attempt = 0; ; attempt += 1) {
    const address = new URL(`%s.${attempt}/%s`, document.baseURI);
    try {
      return await import(address);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it came, and is wrong
      await new Promise((resume) => setTimeout(resume, Math.min(500 * 2 ** attempt, 8000)));
    }
  }
};
export default (await fetched()).default;
"""


def show(
    component: str, first: str, html: str, css: str, data: Mapping[str, Any], key: str, **more: Any
) -> Any:
    """Draw a component where the script stands.

    Args:
        component: one of ``FOLDERS``.
        first: its module with the default export, made by ``mounted`` (mounted.js).
        html: what it begins with.
        css: its styles.
        data: what ``update`` gets, and ``sent`` beside it.
        key: name of this place on its page.
        more: defaults and callbacks of what the browser sends.

    Returns:
        What the browser has sent.
    """
    # Registered on every run, because a registration lasts as long as the server's runtime.
    js = fetching(component, first)
    made = st.components.v2.component(component, html=html, css=css, js=js)
    return made(data={**data, "sent": _sent(data, key)}, key=key, **more)


def _sent(data: Mapping[str, Any], key: str) -> tuple[str, int]:
    """Who sends to this place, which is a session, and how often it has sent something else."""
    first = {"sender": uuid.uuid4().hex, "number": 0, "content": b""}
    known: dict[str, Any] = st.session_state.setdefault(f"_sent {key}", first)
    content = hashlib.sha256(json.dumps(data).encode()).digest()
    if content != known["content"]:
        known.update(number=known["number"] + 1, content=content)
    return known["sender"], known["number"]


def fetching(component: str, first: str) -> str:
    """The code that Streamlit gets.

    Args:
        component: one of ``FOLDERS``.
        first: its module with the default export.
    """
    return FETCH % (f"{PATH}/{component}/{_version(component)}", first)


async def serve(request: Request) -> Response:
    """One module, or 404: also where another version is asked for, which the browser would keep."""
    given = request.path_params
    component, version = given["component"], given["version"].partition(".")[0]
    known = component in FOLDERS and version == _version(component)
    content = _contents(component).get(given["name"]) if known else None
    if content is None:
        return Response(status_code=404)
    return unchanging(content, "text/javascript", "public")


def route() -> Route:
    """The web server's route to the modules."""
    return own_route(f"{PATH}/{{component}}/{{version}}/{{name}}", serve)


@cache
def _contents(component: str) -> dict[str, bytes]:
    """Every module of a component by its name, and those that all of them share."""
    paths = [*HERE.glob("*.js"), *FOLDERS[component].glob("*.js")]
    return {path.name: path.read_bytes() for path in sorted(paths)}


@cache
def _version(component: str) -> str:
    """What cannot stay the same when a module changes."""
    return hashlib.sha256(repr(_contents(component)).encode()).hexdigest()[:16]
