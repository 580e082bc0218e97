"""Regions are checked where they come from outside; what is drawn is kept until it is replaced."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st

from pages.components import region_drawing
from pages.components.region_drawing import Region, checked, draw_regions, put_regions
from pages.components.region_drawing.regions import MOST_POINTS, MOST_REGIONS
from xai_core.errors import DataError

SIZE = (60, 40)


def box(x0: float, y0: float, x1: float, y1: float) -> Region:
    return {"kind": "box", "x0": x0, "y0": y0, "x1": x1, "y1": y1}


def outline(*points: tuple[float, float]) -> Region:
    return {"kind": "outline", "points": [list(point) for point in points]}


A, B, C = box(1, 2, 3, 4), box(5, 6, 7, 8), outline((0, 0), (10, 0), (10, 10))


def test_regions_within_the_picture_stay_as_they_are() -> None:
    assert checked([A, box(0, 0, 60, 40), C], SIZE) == [A, box(0, 0, 60, 40), C]
    assert checked((), SIZE) == []


def test_what_is_beyond_the_edge_is_cut_off() -> None:
    assert checked([box(-5, 10, 70, 50)], SIZE) == [box(0, 10, 60, 40)]
    beyond = outline((-5, 10), (30, -1), (70, 50))
    assert checked([beyond], SIZE) == [outline((0, 10), (30, 0), (60, 40))]


def test_as_many_as_are_allowed_are_taken() -> None:
    circle = [
        (
            30 + 9 * math.cos(math.tau * n / MOST_POINTS),
            20 + 9 * math.sin(math.tau * n / MOST_POINTS),
        )
        for n in range(MOST_POINTS)
    ]
    regions = [outline(*circle)] * MOST_REGIONS
    assert checked(regions, SIZE) == regions


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        ("box", "list of boxes"),
        ({"kind": "box"}, "list of boxes"),
        ([A] * (MOST_REGIONS + 1), f"{MOST_REGIONS + 1}"),
        ([A, "box"], "Region 2 is neither"),
        ([{"kind": "circle", "x0": 1, "y0": 1, "x1": 2, "y1": 2}], "Region 1 is neither"),
        ([{"kind": "box", "x0": 1, "y0": 1, "x1": 2}], "Region 1 is neither"),
        ([{"kind": "outline", "points": "abc"}], "Region 1 is neither"),
        ([box(1, 1, math.nan, 2)], "no finite number"),
        ([box(1, 1, math.inf, 2)], "no finite number"),
        ([{"kind": "box", "x0": "1", "y0": 1, "x1": 2, "y1": 2}], "no finite number"),
        ([{"kind": "box", "x0": True, "y0": 0, "x1": 2, "y1": 2}], "no finite number"),
        ([{"kind": "outline", "points": [[1, 2], [3, 4, 5], [6, 7]]}], "no pair of numbers"),
        ([{"kind": "outline", "points": [[1, 2], 3, [6, 7]]}], "no pair of numbers"),
        ([box(5, 1, 5, 2)], "no area"),
        ([box(5, 1, 4, 2)], "no area"),
        ([box(61, 1, 70, 2)], "no area"),
        ([outline((1, 1), (2, 2))], "no area"),
        ([outline((1, 1), (2, 1), (3, 1))], "no area"),
        ([outline((70, 1), (80, 5), (90, 9))], "no area"),
        (
            [outline(*[(n % 50, n % 30) for n in range(MOST_POINTS + 1)])],
            f"{MOST_POINTS + 1} points",
        ),
    ],
)
def test_anything_else_is_refused_in_a_sentence(regions: object, said: str) -> None:
    with pytest.raises(DataError, match=said):
        checked(regions, SIZE)


class Browser:
    """What a browser does with what it is sent: it keeps what it has, unless it is replaced."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: dict[str, Any] = {}
        self.errors: list[str] = []
        self.sent: dict[str, Any] = {}
        self.told = SimpleNamespace(drawn=None)
        monkeypatch.setattr(st, "session_state", self.state)
        monkeypatch.setattr(st, "error", lambda text, **_: self.errors.append(text))
        monkeypatch.setattr(region_drawing.modules, "show", self.show)

    def show(self, *given: Any, **_: Any) -> Any:
        self.sent = given[4]
        return self.told

    def run(self, *regions: Region, picture: str = "cat.png") -> list[Region]:
        return draw_regions(picture, SIZE, regions, label="Object", key="d")

    def tell(self, *regions: Any, **other: Any) -> None:
        known = {"picture": self.sent["picture"], "put": self.sent["put"]}
        self.say({**known, "regions": list(regions), **other})

    def say(self, drawn: object) -> None:
        self.told = self.state["d"] = SimpleNamespace(drawn=drawn)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Browser:
    return Browser(monkeypatch)


def test_what_is_drawn_stays_where_a_page_always_gives_what_is_there_at_first(
    browser: Browser,
) -> None:
    assert browser.run(A) == [A]
    browser.tell(A, B)
    for _ in range(2):
        assert browser.run(A) == [A, B]
        assert (browser.sent["put"], browser.sent["regions"]) == (1, [A, B])


def test_what_is_drawn_stays_where_a_page_gives_back_what_it_got(browser: Browser) -> None:
    kept = browser.run()
    for drawn in ([A], [A, B], [B], [B, C]):
        browser.tell(*drawn)
        kept = browser.run(*kept)
        assert kept == drawn
    assert browser.run(*kept) == kept
    assert browser.sent["put"] == 1


def test_another_list_replaces_what_is_drawn(browser: Browser) -> None:
    browser.run()
    browser.tell(A)
    assert browser.run(B) == [B]
    assert browser.sent["put"] == 2
    # A gesture that ended before the browser knew of it is about regions that are no more.
    browser.tell(A, C, put=1)
    assert browser.run(B) == [B]
    browser.tell(B, C)
    assert browser.run(B) == [B, C]


def test_a_list_that_was_given_before_is_put_back(browser: Browser) -> None:
    browser.run(A)
    browser.tell(A, B)
    browser.run(A)
    put_regions("d", [A], SIZE)
    assert browser.run(A) == [A]
    assert browser.run(A) == [A]
    with pytest.raises(DataError, match="no area"):
        put_regions("d", [box(9, 9, 9, 9)], SIZE)


def test_another_picture_begins_anew(browser: Browser) -> None:
    browser.run()
    browser.tell(A)
    assert browser.run() == [A]
    assert browser.run(picture="dog.png") == []
    assert browser.run() == [], "what was drawn on the first is not known any more"


def test_a_page_may_change_the_list_it_got(browser: Browser) -> None:
    browser.run(A, B).clear()
    assert browser.run(A, B) == [A, B]


def test_a_new_server_takes_what_the_browser_had_before(browser: Browser) -> None:
    browser.run()
    browser.tell(A, B, put=3)
    browser.state.clear()  # until the drawing has been shown
    assert browser.run() == [A, B]
    assert browser.state["_regions d"]["put"] == 3


@pytest.mark.parametrize("wrong", [[box(1, 1, math.nan, 2)], ["x"], [A] * (MOST_REGIONS + 1)])
def test_a_browser_that_tells_nonsense_changes_nothing(browser: Browser, wrong: list[Any]) -> None:
    browser.run(A)
    browser.tell(*wrong)
    assert browser.run(A) == [A]
    assert len(browser.errors) == 1
    browser.tell(B)
    assert browser.run(A) == [B]
    assert len(browser.errors) == 1


def test_a_message_of_another_form_is_told(browser: Browser) -> None:
    browser.run(A)
    browser.say(["box"])
    assert browser.run(A) == [A]
    assert browser.errors == ["The drawing could not be read\\. Reload the page\\."]
