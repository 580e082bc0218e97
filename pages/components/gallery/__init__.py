"""Small pictures to choose from: any number, by pointer, touch and keyboard."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components import modules
from pages.components.routes import own_route, unchanging
from xai_core.jobs import shared_engine

HERE = Path(__file__).parent
CSS = (HERE / "gallery.css").read_text(encoding="utf-8")
HTML = """
<div class="root">
  <div class="tools">
    <input class="search" type="search" placeholder="Find" aria-label="Find a picture" hidden>
    <span class="count" role="status"></span>
    <button class="none" type="button">Choose none</button>
  </div>
  <ul class="items" role="listbox" aria-multiselectable="true"></ul>
</div>
"""
PATH = "thumbnails"
_KEY = re.compile(r"[0-9a-f]{64}")
_APPLIED = "_gallery-applied"  # in the session: the latest change, by who told it


@dataclass(frozen=True)
class Item:
    """One picture of a gallery.

    Attributes:
        id: what changes call it.
        title: what people read of it.
        thumbnail: its address, from ``thumbnail_at``; "" while it is not known.
        said: a second line, such as what a model says of it.
        note: a third, where something is unusual.
        chosen: whether it is chosen.
    """

    id: str
    title: str
    thumbnail: str = ""
    said: str = ""
    note: str = ""
    chosen: bool = False


def gallery(
    items: Sequence[Item],
    key: str,
    label: str,
    on_choice: Callable[[Mapping[str, bool]], None],
    large: bool = False,
) -> None:
    """Draw a gallery.

    Args:
        items: the pictures.
        key: name of this gallery on its page.
        label: what it holds, for who hears it.
        on_choice: called before the next run with what was chosen (True) or not any more (False).
        large: whether there is room for large ones.
    """

    def take() -> None:
        found = _news(key)
        if found:
            on_choice(found)

    applied = st.session_state.setdefault(_APPLIED, {})
    shown = {"items": [asdict(item) for item in items], "label": label, "large": large}
    data = {**shown, "applied": dict(applied)}
    given = {"default": {"changes": None}, "on_changes_change": take}
    modules.show("gallery", "gallery.js", HTML, CSS, data, key, **given)


def _news(key: str) -> dict[str, bool]:
    """What was chosen since this was last asked.

    The browser tells what it does not know to be applied, with its numbers, until it does: none is
    lost when two come close together or while the server is away, and none is made twice.
    """
    changes = st.session_state[key].changes
    if not changes:
        return {}
    applied: dict[str, int] = st.session_state.setdefault(_APPLIED, {})
    done = applied.get(changes["by"], 0)
    new = [one for one in changes["list"] if one["number"] > done]
    if new:
        applied[changes["by"]] = new[-1]["number"]
    return {name: bool(one["chosen"]) for one in new for name in one["ids"]}


def thumbnail_at(key: str) -> str:
    """Where the browser finds the small picture of a result of ``tasks.look_at``."""
    return f"{PATH}/{key}"


async def serve(request: Request) -> Response:
    """One small picture, or 404."""
    key = request.path_params["key"]
    content = await run_in_threadpool(_content, key) if _KEY.fullmatch(key) else None
    if content is None:
        return Response(status_code=404)
    return unchanging(content, "image/jpeg", "private")


def route() -> Route:
    """The web server's route to the small pictures."""
    return own_route(f"{PATH}/{{key}}", serve)


def _content(key: str) -> bytes | None:
    found = shared_engine().cache.get(key)
    small = None if found is None else found.arrays.get("thumbnail")
    return None if small is None else small.tobytes()
