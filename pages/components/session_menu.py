"""The session's name, its file, and its end: the first line of the sidebar."""

from __future__ import annotations

import re

import streamlit as st

from pages.components import file_buttons, session_store, working_session
from pages.components.session_store import Session
from pages.components.text import errors_shown, plain
from xai_core.errors import SessionError

UNNAMED = "Unnamed session"


def show() -> None:
    """The menu of the session."""
    session = working_session.current()
    label = "Session" if session is None else session.name or UNNAMED
    with st.popover(plain(label), icon=":material/bookmark:", width="stretch"):
        if session is None:
            st.caption(
                "A session keeps your pictures, the model, the classes and the settings under one "
                "address. It begins with the first picture that you bring, or here."
            )
            if st.button("Keep this view as a session", key="keep session", width="stretch"):
                working_session.begin()
                st.rerun()
        else:
            _about(session)
        _open()


def _about(session: Session) -> None:
    st.text_input(
        "Name",
        session.name,
        key=f"session name {session.changes}",
        max_chars=session_store.LONGEST_NAME,
        placeholder=UNNAMED,
        on_change=_rename,
        args=(session.changes,),
    )
    st.caption(
        "The address of this page opens the session again: here, in another browser, or for "
        f"whoever you give it to. It is kept for {session_store.DAYS} days after it was last used."
    )
    name = f"{_file_name(session)}.zip"
    file_buttons.offer(
        st, {"Save as a file": (name, lambda: session_store.exported(session))}, "session"
    )
    st.caption(
        "The file holds the pictures, and the model, classes and settings of every page. Uploaded "
        "models and maps are not in it."
    )
    if st.button("Begin another", icon=":material/add:", width="stretch"):
        working_session.leave()
        st.rerun()
    if st.button("Delete this session", icon=":material/delete:", width="stretch"):
        working_session.forget()
        st.rerun()


def _rename(turn: int) -> None:
    working_session.rename(st.session_state[f"session name {turn}"])


def _open() -> None:
    upload = st.file_uploader(
        "Open a session's file",
        "zip",
        key="session file",
        max_upload_size=session_store.MOST_FILE_BYTES // 2**20,
    )
    if upload is None:
        return
    with errors_shown(SessionError):
        working_session.go_to(session_store.imported(upload))


def _file_name(session: Session) -> str:
    return re.sub(r"[^\w-]+", "-", session.name).strip("-") or "session"
