"""The session that a tab works in: its address names it, and every page shows it.

Whoever is given the address sees the session; nobody can guess it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components import picture_store, session_store
from pages.components.address_bar import notice, write
from pages.components.session_store import OwnPicture, Session
from pages.components.work import owner, release_all

PARAMETER = "session"
# What the pages share; of the rest each has its own.
SHARED = ("model", "checkpoint", "samples", "class", "picture_class", "maps")
_NAME = "_working-session"  # in Streamlit's session
_OPENED = "_session-opened"  # one that is to be shown by the next run
_SEEN = "_changes-seen"  # how many of the session's changes this tab knows
_VIEW = "_view-kept"  # and what of its address is kept
GONE = (
    "The session of this address is not here: it was deleted, or nobody has used it for "
    f"{session_store.DAYS} days, or the address is not complete."
)
DELETED = "This session was deleted. What you bring from now on begins another."
CHANGED = "This session was changed in another tab; the page now shows what it holds since."


def current() -> Session | None:
    """What this tab's session holds now; None before there is one.

    The address is made to name it. What has become of it elsewhere is told once.
    """
    token = _token()
    if token is None:
        return None
    session = session_store.read(token)
    if session is None:
        st.session_state.pop(_NAME, None)
        write(PARAMETER, None)
        notice(DELETED)
        return None
    known = st.session_state.get(_SEEN)
    if known is None:
        _use_pictures(session)
    elif session.changes > known and session.by != owner():
        notice(CHANGED)
    st.session_state[_SEEN] = session.changes
    return session


def pictures() -> Sequence[OwnPicture]:
    """The session's pictures, in the order in which they came."""
    session = current()
    return () if session is None else session.pictures


def add(brought: Sequence[OwnPicture], most: int) -> None:
    """Add pictures; one that is there already comes to the end.

    Args:
        brought: the pictures.
        most: so many are shown; of those that were before, the oldest make way.

    Raises:
        SessionError: the session would hold too much; nothing is added.
    """
    known = {one.digest for one in brought}
    left = most - sum(one.shown for one in brought)

    def added(now: Session) -> Session:
        before = [one for one in now.pictures if one.digest not in known]
        shown = [one.digest for one in before if one.shown]
        stay = set(shown[max(0, len(shown) - left) :])
        before = [replace(one, shown=one.digest in stay) for one in before]
        return replace(now, pictures=(*before, *brought))

    _change(added)


def show(shown: Mapping[str, bool]) -> None:
    """Let the pages be about some pictures, or not; the others stay as they are."""
    _change(
        lambda now: replace(
            now,
            pictures=tuple(
                replace(one, shown=shown.get(one.digest, one.shown)) for one in now.pictures
            ),
        )
    )


def delete(digests: Collection[str]) -> None:
    """Forget pictures, and delete the files that no other session has."""
    _change(
        lambda now: replace(
            now, pictures=tuple(one for one in now.pictures if one.digest not in digests)
        )
    )
    session_store.delete_unused(list(digests))


def rename(name: str) -> None:
    """Give the session a name."""
    _change(lambda now: replace(now, name=name.strip()[: session_store.LONGEST_NAME]))


def begin() -> None:
    """Have a session, if there is none yet."""
    if current() is None:
        _enter(session_store.create())


def leave() -> None:
    """Begin without a session again; the one that was left stays under its address."""
    st.session_state.pop(_NAME, None)
    write(PARAMETER, None)


def forget() -> None:
    """Delete the session, and the pictures that no other one has."""
    token = _token()
    leave()
    if token is not None:
        session_store.forget(token)


def go_to(token: str) -> None:
    """Leave everything here, and see what another session saw last."""
    release_all()
    st.session_state.clear()
    st.session_state[_OPENED] = token
    st.rerun()


def reopen(page: Any, pages: Sequence[Any]) -> None:
    """Where a session is opened by its name alone, show what it showed last.

    Args:
        page: the page that is opened.
        pages: all of them.
    """
    opened = st.session_state.pop(_OPENED, None)
    alone = _NAME not in st.session_state and list(st.query_params) == [PARAMETER]
    token = opened or (st.query_params[PARAMETER] if alone else "")
    session = session_store.read(token) if session_store.there(token) else None
    if session is None:
        return
    if opened:
        page = next((one for one in pages if one.url_path == session.page), page)
    own, last = (session.views.get(path, {}) for path in (page.url_path, session.page))
    view = {name: own[name] for name in own if name not in SHARED}
    view |= {name: last[name] for name in SHARED if name in last}
    if view or opened:
        _enter(token)
        st.switch_page(page, query_params={**view, PARAMETER: token})


def note_view(page: Any) -> None:
    """Keep what the page's address says, so that the session's alone reopens it."""
    token = st.session_state.get(_NAME)
    if token is None:
        return
    names = [name for name in st.query_params if name != PARAMETER]
    view = {name: st.query_params.get_all(name) for name in names}
    if st.session_state.get(_VIEW) != (token, page.url_path, view):
        session_store.note_view(token, page.url_path, view)
        st.session_state[_VIEW] = (token, page.url_path, view)


def _change(changed: Callable[[Session], Session]) -> None:
    begin()
    try:
        session = session_store.change(st.session_state[_NAME], owner(), changed)
    finally:
        picture_store.STORE.make_room()
        session_store.STORE.make_room()
    st.session_state[_SEEN] = session.changes


def _token() -> str | None:
    """The session's name, which every page's address tells."""
    asked, known = st.query_params.get(PARAMETER), st.session_state.get(_NAME)
    if asked and asked != known:
        if session_store.there(asked):
            _enter(asked)
            return asked
        notice(GONE)
    if asked != known:
        write(PARAMETER, known)
    return known


def _enter(token: str) -> None:
    st.session_state[_NAME] = token
    st.session_state.pop(_SEEN, None)
    write(PARAMETER, token)


def _use_pictures(session: Session) -> None:
    for one in session.pictures:
        picture_store.use(one.digest)
