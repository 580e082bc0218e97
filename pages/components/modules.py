"""JavaScript of our own components, served as the modules that it is written in.

Streamlit takes the code of a component as one string, from which nothing beside it can be
imported. So that string only fetches the component's first module, from where its relative
imports lead to the others; the browser keeps them all.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.routes import own_route, unchanging

PATH = "modules"
HERE = Path(__file__).parent
FOLDERS = {"heatmap_grid": HERE / "heatmap_grid", "trial": HERE / "study" / "trial"}
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
