"""JavaScript of components: only the modules of this version, and nothing beside them."""

from __future__ import annotations

import asyncio
import re

import pytest
import streamlit as st
from starlette.requests import Request
from starlette.responses import Response

from pages.components import modules
from tests.apart import apart


def answer(component: str, version: str, name: str) -> Response:
    given = {"component": component, "version": version, "name": name}
    return apart(asyncio.run, modules.serve(Request({"type": "http", "path_params": given})))


def version(component: str, first: str) -> str:
    found = re.search(rf"modules/{component}/(\w+)\.", modules.fetching(component, first))
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("component", "first"),
    [
        ("heatmap_grid", "grid.js"),
        ("gallery", "gallery.js"),
        ("region_drawing", "drawing.js"),
        ("trial", "trial.js"),
    ],
)
def test_every_import_leads_to_a_module(component: str, first: str) -> None:
    own, wanted, seen = version(component, first), [first], set()
    while wanted:
        name = wanted.pop()
        found = answer(component, f"{own}.0", name)
        assert found.status_code == 200, name
        assert found.media_type == "text/javascript"
        seen.add(name)
        imported = re.findall(r'^import .* from "\./([\w.]+)";$', bytes(found.body).decode(), re.M)
        wanted += set(imported) - seen
    folders = (modules.HERE, modules.FOLDERS[component])
    assert seen == {path.name for folder in folders for path in folder.glob("*.js")}


@pytest.mark.parametrize(
    ("component", "name"),
    [("heatmap_grid", "grid.css"), ("heatmap_grid", "../trial/trial.js"), ("study", "trial.js")],
)
def test_nothing_else_is_served(component: str, name: str) -> None:
    assert answer(component, f"{version('heatmap_grid', 'grid.js')}.0", name).status_code == 404


def test_another_version_is_not_answered() -> None:
    """The browser would keep it for ever under that version's address."""
    assert answer("trial", "0123456789abcdef.0", "trial.js").status_code == 404


def test_what_is_sent_has_a_number_that_rises_with_every_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(st, "session_state", {})
    told = [modules._sent({"tiles": tiles}, "grid") for tiles in (["a"], ["a"], ["b"], ["a"])]
    assert [number for _, number in told] == [1, 1, 2, 3]
    assert modules._sent({"tiles": ["c"]}, "another place")[1] == 1
    monkeypatch.setattr(st, "session_state", {})
    assert modules._sent({"tiles": ["d"]}, "grid")[0] not in {sender for sender, _ in told}
