"""Own pictures stay: on every page, in another tab, after a restart; until they are deleted."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.components import picture_store, working_session
from pages.components.working_session import OwnPicture
from tests.pages.opening import address, page, words
from tests.pages.waiting import checked, ended, until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (64, 64), (level, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def upload(name: str, level: int) -> tuple[str, bytes, str]:
    return name, png(level), "image/png"


def uploader(app: AppTest) -> Any:
    return next(one for one in app.file_uploader if one.label == "Your pictures")


def said(app: AppTest) -> str:
    return words(app).replace("\\", "")


@pytest.mark.usefixtures("engine")
def test_uploaded_pictures_stay_on_every_page_and_at_their_address() -> None:
    app = checked(page("app.py", {"methods": "saliency"}).run())
    uploader(app).set_value([upload("red.png", 250), ("notes.txt", b"Notes.", "text/plain")])
    until(app, ended("compare"))
    assert not uploader(app).value, "the files are not read again"
    assert "notes.txt" in said(app)
    (name,) = address(app, "session")
    app.switch_page("pages/sanity.py")
    until(app, lambda works: "prediction" in works)
    assert address(app, "session") == [name], "the next page tells it, too"
    assert "red.png" in said(app)

    other = page("app.py", {"methods": "saliency", "session": name})
    until(other, ended("compare"))
    assert "red.png" in said(other)
    assert "**Cat**" not in said(other), "no sample stands beside it"


def test_a_session_is_what_was_added_last_and_deleted_by_a_click(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {})
    first, second = (picture_store.keep(png(level)) for level in (1, 2))
    working_session.add([OwnPicture("a.png", first)])
    working_session.add([OwnPicture("b.png", second), OwnPicture("c.png", first)])
    assert [one.name for one in working_session.pictures()] == ["b.png", "c.png"]
    working_session.show([second])
    assert [one.shown for one in working_session.pictures()] == [True, False]
    name = st.query_params["session"]

    # Another visitor brings the same picture.
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {})
    assert working_session.pictures() == []
    working_session.add([OwnPicture("mine.png", first)])
    assert st.query_params["session"] != name

    monkeypatch.setattr(st, "query_params", {"session": name})
    working_session.delete([first, second])
    assert working_session.pictures() == []
    there = {path.name for path in (folder / "pictures").iterdir()}
    assert there == {first}, "what another session has stays"


@pytest.mark.parametrize("name", ["A" * 22, "../../etc/passwd", "short", ""])
def test_an_address_of_no_session_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(working_session, "notice", told.append)
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(st, "query_params", {"session": name} if name else {})
    assert working_session.pictures() == []
    assert len(told) == bool(name)
    assert "session" not in st.query_params


def test_what_nobody_used_for_thirty_days_goes(folder: Path) -> None:
    old, fresh = picture_store.keep(png(1)), picture_store.keep(png(2))
    almost, over = (time.time() - days * 24 * 3600 for days in (29.9, 30.1))
    os.utime(folder / "pictures" / fresh, (almost, almost))
    os.utime(folder / "pictures" / old, (over, over))
    picture_store.STORE.make_room()
    assert {path.name for path in (folder / "pictures").iterdir()} == {fresh}
