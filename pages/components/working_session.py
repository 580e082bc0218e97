"""A visitor's own pictures, kept on the server: the address of any page finds them again.

The address names the session. The name is random and cannot be guessed; whoever is given it sees
the pictures. Every change is made to what is kept by then, so that of two tabs with one session
none undoes what the other did.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Lock

import streamlit as st

from pages.components import picture_store
from pages.components.address_bar import notice, write
from pages.components.content_store import ContentStore

DAYS = picture_store.DAYS
STORE = ContentStore("sessions", 64 * 2**20, DAYS)
PARAMETER = "session"
_NAME = "_working-session"  # in Streamlit's session
_GOOD = re.compile(r"[\w-]{22}")
_lock = Lock()


@dataclass(frozen=True)
class OwnPicture:
    """A picture that the visitor has brought.

    Attributes:
        name: of its file.
        digest: of its content, in ``picture_store``.
        shown: whether the pages are about it.
    """

    name: str
    digest: str
    shown: bool = True


def pictures() -> list[OwnPicture]:
    """What the session holds, in the order in which it came."""
    name = _present()
    return [] if name is None else _read(name)


def add(brought: Sequence[OwnPicture]) -> None:
    """Add pictures; one that is there already is shown again."""
    known = {one.digest for one in brought}
    _change(lambda there: [one for one in there if one.digest not in known] + list(brought))


def show(digests: Collection[str]) -> None:
    """Let the pages be about these pictures alone."""
    _change(lambda there: [replace(one, shown=one.digest in digests) for one in there])


def delete(digests: Collection[str]) -> None:
    """Forget pictures, and delete the files that no other session has."""
    _change(lambda there: [one for one in there if one.digest not in digests])
    with _lock:
        others = [path.read_text(encoding="utf-8") for path in STORE.folder.glob("*.json")]
    for digest in digests:
        if not any(digest in text for text in others):
            picture_store.delete(digest)


def _present() -> str | None:
    """The session's name, which every page's address tells; None before there is one."""
    asked, known = st.query_params.get(PARAMETER), st.session_state.get(_NAME)
    if asked and asked != known:
        if _GOOD.fullmatch(asked) and _path(asked).is_file():
            known = st.session_state[_NAME] = asked
        else:
            notice(
                "The pictures of this address are not here: they were deleted, or nobody has "
                f"used them for {DAYS} days, or the address is not complete."
            )
    if asked != known:
        write(PARAMETER, known)
    return known


def _change(changed: Callable[[list[OwnPicture]], list[OwnPicture]]) -> None:
    name = _present()
    if name is None:
        name = st.session_state[_NAME] = secrets.token_urlsafe(16)
        write(PARAMETER, name)
    with _lock:
        facts = {"pictures": [asdict(one) for one in changed(_read(name))]}
        STORE.put(_path(name), lambda part: part.write_text(json.dumps(facts)), again=True)
        STORE.make_room()


def _read(name: str) -> list[OwnPicture]:
    try:
        facts = json.loads(_path(name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    STORE.use(_path(name))
    return [OwnPicture(**one) for one in facts["pictures"]]


def _path(name: str) -> Path:
    return STORE.folder / f"{name}.json"
