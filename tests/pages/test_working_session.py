"""Own pictures stay: on every page, in another tab, after a restart; until they are deleted."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.components import picture_store, session_store, working_session
from pages.components.working_session import OwnPicture
from tests.pages.opening import address, page, words
from tests.pages.waiting import checked, ended, until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    sentences: list[str] = []
    monkeypatch.setattr(working_session, "notice", sentences.append)
    return sentences


class Address(dict[str, Any]):
    """The parameters of an address, as Streamlit gives them."""

    def get_all(self, name: str) -> list[str]:
        found = self.get(name, [])
        return [found] if isinstance(found, str) else list(found)


class Tab:
    """What Streamlit keeps of one tab, so that a test may go from one to another."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **address: Any) -> None:
        self.patch, self.state, self.address = monkeypatch, {}, Address(address)

    def look(self) -> Tab:
        self.patch.setattr(st, "session_state", self.state)
        self.patch.setattr(st, "query_params", self.address)
        return self


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


def brought(*levels: int) -> list[OwnPicture]:
    return [OwnPicture(f"{level}.png", picture_store.keep(png(level))) for level in levels]


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
    tab = Tab(monkeypatch).look()
    first, second = (picture_store.keep(png(level)) for level in (1, 2))
    working_session.add([OwnPicture("a.png", first)], most=2)
    working_session.add([OwnPicture("b.png", second), OwnPicture("c.png", first)], most=2)
    assert [one.name for one in working_session.pictures()] == ["b.png", "c.png"]
    working_session.show({first: False})
    assert [one.shown for one in working_session.pictures()] == [True, False]
    name = tab.address["session"]

    other = Tab(monkeypatch).look()  # another visitor brings the same picture
    assert not working_session.pictures()
    working_session.add([OwnPicture("mine.png", first)], most=2)
    assert other.address["session"] != name

    tab.look()
    working_session.delete([first, second])
    assert not working_session.pictures()
    there = {path.name for path in (folder / "pictures").iterdir()}
    assert there == {first}, "what another session has stays"


def test_of_the_pictures_shown_before_the_oldest_make_way(monkeypatch: pytest.MonkeyPatch) -> None:
    Tab(monkeypatch).look()
    for levels in ((1, 2), (3,), (4, 5)):
        working_session.add(brought(*levels), most=3)
    shown = {one.name: one.shown for one in working_session.pictures()}
    assert [name for name, seen in shown.items() if seen] == ["3.png", "4.png", "5.png"]
    working_session.add(brought(6, 7, 8, 9), most=3)
    assert [one.name for one in working_session.pictures() if one.shown] == [
        f"{level}.png" for level in (6, 7, 8, 9)
    ]


def test_what_does_not_fit_is_refused_and_what_was_there_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_store, "MOST_PICTURES", 2)
    Tab(monkeypatch).look()
    working_session.add(brought(1, 2), most=2)
    with pytest.raises(session_store.SessionError, match="these would be 3 pictures"):
        working_session.add(brought(3), most=2)
    assert [one.name for one in working_session.pictures()] == ["1.png", "2.png"]


@pytest.mark.parametrize("name", ["A" * 22, "../../etc/passwd", "short", ""])
def test_an_address_of_no_session_is_told(
    name: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(monkeypatch, **({"session": name} if name else {})).look()
    assert not working_session.pictures()
    assert told == ([working_session.GONE] if name else [])
    assert "session" not in tab.address


def test_a_tab_is_told_what_another_has_changed(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tab = Tab(monkeypatch).look()
    working_session.add(brought(1), most=5)
    other = Tab(monkeypatch, session=tab.address["session"]).look()
    working_session.add(brought(2), most=5)
    working_session.rename("  Ours ")
    assert told == [], "who changes it knows"
    tab.look()
    session = working_session.current()
    assert session is not None
    assert (session.name, len(session.pictures)) == ("Ours", 2)
    assert told == [working_session.CHANGED]
    working_session.current()
    assert len(told) == 1, "it is told once"
    other.look()
    working_session.forget()
    tab.look()
    assert working_session.current() is None
    assert told == [working_session.CHANGED, working_session.DELETED]
    assert "session" not in tab.address


def reopened(
    monkeypatch: pytest.MonkeyPatch, address: Mapping[str, Any], path: str, **state: Any
) -> tuple[str, Mapping[str, Any]] | None:
    """Which page a new tab is sent to, with which address."""
    sent: list[tuple[str, Mapping[str, Any]]] = []

    def switch(page: Any, query_params: Mapping[str, Any]) -> None:
        sent.append((page.url_path, query_params))

    tab = Tab(monkeypatch, **address)
    tab.state.update(state)
    tab.look()
    monkeypatch.setattr(st, "switch_page", switch)
    pages = [SimpleNamespace(url_path=one) for one in ("", "sanity", "reliability")]
    working_session.reopen(next(one for one in pages if one.url_path == path), pages)
    return sent[0] if sent else None


def test_a_view_is_that_of_the_page_with_what_all_pages_share_as_it_was_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tab = Tab(monkeypatch, session=session_store.create(), model="a", methods="x").look()
    name = tab.address["session"]
    working_session.current()
    working_session.note_view(SimpleNamespace(url_path=""))
    del tab.address["methods"]
    tab.address |= {"model": "b", "depth": "3", "param": ["x.y=1", "x.z=2"]}
    working_session.note_view(SimpleNamespace(url_path="sanity"))

    alone = {"session": name}
    compare = ("", {"model": ["b"], "methods": ["x"], "session": name})
    sanity = {"model": ["b"], "depth": ["3"], "param": ["x.y=1", "x.z=2"], "session": name}
    assert reopened(monkeypatch, alone, "") == compare
    assert reopened(monkeypatch, alone, "sanity") == ("sanity", sanity)
    assert reopened(monkeypatch, alone, "reliability") == (
        "reliability",
        {"model": ["b"], "session": name},
    )
    assert reopened(monkeypatch, {**alone, "model": "c"}, "") is None, "the address says more"
    assert reopened(monkeypatch, {"session": "no-such"}, "") is None
    # A file that was opened shows the page that was seen last, whatever the address says.
    opened = {"_session-opened": name}
    assert reopened(monkeypatch, {"model": "c"}, "", **opened) == ("sanity", sanity)
