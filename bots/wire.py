"""What a browser and the server say to each other, as plain values.

Nothing else of the package knows Streamlit: this module has the two message types of its
websocket, and imports nothing else of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

EARLY = ForwardMsg.FINISHED_EARLY_FOR_RERUN
PART = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


@dataclass(frozen=True)
class Element:
    """One thing on the page.

    Attributes:
        kind: as the protocol calls it: "button", "radio", "bidi_component", "markdown", …
        id: the widget's name in the protocol; "" for what is only shown.
        key: the key that the page gave the widget; "" without one.
        text: label or body.
        options: what can be chosen, as text.
        data: of a component, as JSON.
        name: of a component.
        fragment: the part of the page that it belongs to, "" for the whole of it.
    """

    kind: str
    id: str = ""
    key: str = ""
    text: str = ""
    options: tuple[str, ...] = ()
    data: str = ""
    name: str = ""
    fragment: str = ""


@dataclass(frozen=True)
class Message:
    """One message of the server.

    Attributes:
        kind: "began", "element", "finished", "early" (a run that another one follows),
            "part" (a run of a part of the page), "page" (which of the pages this is), "address",
            or "other".
        path: of an element.
        element: of an element.
        text: the page's hash of "began" and "page"; the query string of "address".
        session: of the first "began" of a connection.
        cached: the name under which a browser keeps this message, "" if it does not.
        reference: the name of a kept message that stands here.
    """

    kind: Literal["began", "element", "finished", "early", "part", "page", "address", "other"]
    path: tuple[int, ...] = ()
    element: Element | None = None
    text: str = ""
    session: str = ""
    cached: str = ""
    reference: str = ""


def encode(
    *,
    query: str,
    page: str,
    page_hash: str,
    fragment: str,
    values: Mapping[str, Any],
    pressed: Iterable[str],
    cached: Iterable[str],
    url: str,
) -> bytes:
    """A browser's request for a run of the page, as it sends it.

    Args:
        query: the address after its question mark.
        page: name of the page in the address; only before the server has given its hash.
        page_hash: the server's name of the page.
        fragment: the part that is to run, "" for the whole.
        values: widget id → value, of every widget that has one.
        pressed: ids of buttons that were pressed.
        cached: names of the messages that this browser has kept.
        url: of the page as a whole.
    """
    message = BackMsg()
    run = message.rerun_script
    run.query_string, run.page_name = query, page
    run.page_script_hash, run.fragment_id = page_hash, fragment
    run.cached_message_hashes.extend(cached)
    run.context_info.timezone, run.context_info.locale = "UTC", "en"
    run.context_info.url = url
    for name, value in values.items():
        state = run.widget_states.widgets.add(id=name)
        if isinstance(value, bool):
            state.bool_value = value
        elif isinstance(value, int | float):
            state.double_value = value
        elif isinstance(value, str):
            state.string_value = value
        elif isinstance(value, dict):
            state.json_value = json.dumps(value)
        else:
            state.string_array_value.data.extend(value)
    for name in pressed:
        run.widget_states.widgets.add(id=name, trigger_value=True)
    return bytes(message.SerializeToString())


def decode(content: bytes) -> Message:
    """A message of the server."""
    message = ForwardMsg.FromString(content)
    kind = message.WhichOneof("type")
    if kind == "delta":
        return _element(message)
    if kind == "ref_hash":
        path = tuple(message.metadata.delta_path)
        return Message("element", path, reference=message.ref_hash)
    if kind == "new_session":
        new = message.new_session
        return Message("began", text=new.page_script_hash, session=new.initialize.session_id)
    if kind == "script_finished":
        ends: dict[int, Literal["early", "part"]] = {EARLY: "early", PART: "part"}
        return Message(ends.get(message.script_finished, "finished"))
    if kind == "navigation":
        return Message("page", text=message.navigation.page_script_hash)
    if kind == "page_info_changed":
        return Message("address", text=message.page_info_changed.query_string)
    return Message("other")


def _element(message: ForwardMsg) -> Message:
    path, delta = tuple(message.metadata.delta_path), message.delta
    cached = message.hash if message.metadata.cacheable else ""
    if delta.WhichOneof("type") != "new_element":
        # A container, or something that is there for a moment; neither can be used.
        return Message("element", path, Element("block", fragment=delta.fragment_id))
    kind = delta.new_element.WhichOneof("type") or "empty"
    found = _described(kind, getattr(delta.new_element, kind))
    return Message("element", path, replace(found, fragment=delta.fragment_id), cached=cached)


def _described(kind: str, shown: Any) -> Element:
    """An element, whatever its kind: kinds share the names of their fields."""
    name = getattr(shown, "id", "")
    words = (getattr(shown, named, "") for named in ("label", "body", "code_text"))
    text = next(filter(None, words), "")
    options = getattr(shown, "options", ())
    return Element(
        kind,
        id=name,
        key=_key(name),
        text=text,
        options=tuple(getattr(option, "content", option) for option in options),
        data=shown.json if kind == "bidi_component" else "",
        name=shown.component_name if kind == "bidi_component" else "",
    )


def _key(name: str) -> str:
    """The page's key in a widget's id, which is ``$$ID-<hash>-<key>``."""
    parts = name.split("-", 2)
    key = parts[2] if len(parts) == 3 and parts[0] == "$$ID" else ""
    return "" if key == "None" else key
