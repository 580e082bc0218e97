"""What is chosen in a gallery reaches the page once, and its small pictures come from the cache."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pages.components import gallery, picture_choice, picture_store, working_session
from pages.components.session_store import OwnPicture
from tests.pages.test_working_session import Tab, png
from xai_core.cache import Cache, Result

KEY = "0" * 64


def told(*numbers: int, by: str = "b") -> dict[str, bool]:
    """What is new where the browser tells these changes: number N chooses picture N, or not."""
    changes = [{"number": n, "ids": [str(n)], "chosen": n % 2 == 1} for n in numbers]
    state = st.session_state
    state["g"] = SimpleNamespace(changes={"by": by, "list": changes} if numbers else None)
    return gallery._news("g")


def test_no_choice_is_lost_and_none_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(st, "session_state", {})
    assert told() == {}
    assert told(1, 2) == {"1": True, "2": False}
    assert told(1, 2) == {}
    assert told(2, 3) == {"3": True}
    # A reloaded page counts from one again.
    assert told(1, by="c") == {"1": True}
    assert told(2, 3, 4) == {"4": False}


def test_the_browser_is_told_what_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a server that has gone did not take, it tells the next one again."""
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(st, "session_state", {})
    monkeypatch.setattr(gallery.modules, "show", lambda *args, **_: sent.append(args[4]))
    gallery.gallery([], "g", "Pictures", lambda _: None)
    told(1, 2)
    gallery.gallery([], "g", "Pictures", lambda _: None)
    assert [data["applied"] for data in sent] == [{}, {"b": 2}]


def test_a_choice_reaches_own_pictures_and_samples(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    tab = Tab(monkeypatch).look()
    one, other = (picture_store.keep(png(level)) for level in (1, 2))
    working_session.add([OwnPicture("a", one), OwnPicture("b", other)], most=2)
    tab.state["_samples-shown"] = ["Rocket", "Cat"]
    picture_choice._choose({one: False, "sample:coffee": True, "sample:rocket": False})
    assert [one.shown for one in working_session.pictures()] == [False, True]
    assert tab.state["_samples"] == ["Cat", "Coffee"]


def chosen(tab: Tab, beside: bool) -> list[str]:
    return [one.title for one in picture_choice._samples(beside) if one.chosen]


def test_samples_are_what_the_address_says_and_make_way_for_own_pictures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pages.components.address_bar.notice", said.append)
    asked: list[tuple[Any, list[str], list[str]]] = [
        (None, ["Cat"], []),
        ("Coffee", ["Coffee"], ["Coffee"]),
        (["Rocket", "Galaxies"], ["Rocket", "Galaxies"], ["Rocket", "Galaxies"]),
        ("", [], []),
        ("Unicorn", ["Cat"], []),
    ]
    for address, alone, beside in asked:
        given = {} if address is None else {"samples": address}
        assert chosen(Tab(monkeypatch, **given).look(), beside=False) == alone
        tab = Tab(monkeypatch, **given).look()
        assert chosen(tab, beside=True) == beside
        if address != "Unicorn":
            assert tab.address == given
    assert len(said) == 2
    assert "Unicorn" in said[0]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    made = Cache(tmp_path)
    monkeypatch.setattr(gallery, "shared_engine", lambda: SimpleNamespace(cache=made))
    return made


def test_a_small_picture_is_served_from_the_cache(cache: Cache) -> None:
    client = TestClient(Starlette(routes=[gallery.route()]))
    address = gallery.thumbnail_at(KEY)
    assert client.get(address).status_code == 404
    cache.put(KEY, Result({"thumbnail": np.frombuffer(b"jpeg", np.uint8)}))
    found = client.get(address)
    assert (found.content, found.headers["content-type"]) == (b"jpeg", "image/jpeg")
    assert "immutable" in found.headers["cache-control"]
    cache.put("1" * 64, Result({"map": np.zeros(3)}))
    for wrong in ("1" * 64, "..%2Fsecret", "0" * 63):
        assert client.get(f"{gallery.PATH}/{wrong}").status_code == 404
