"""Times left and places in line, in words."""

from __future__ import annotations

import pytest

from pages.components.times import duration, in_line, may_go_first, time_left, waits
from xai_core.jobs.outlook import Outlook


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (8.6, "9 s"),
        (12.4, "10 s"),
        (43, "45 s"),
        (89, "90 s"),
        (90, "2 min"),
        (1620, "27 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_seconds_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_time_left_says_what_is_known() -> None:
    assert time_left(Outlook()) == "estimating the time left"
    assert time_left(Outlook(120.0)) == "about 2 min left"
    assert time_left(Outlook(120.0, sure=False)) == "roughly 2 min left"


def test_the_place_in_line_in_words() -> None:
    mine = Outlook(waits=True, place=3, before=1620.0, own=1620.0)
    assert in_line(mine) == "Third in line, behind about 27 min of your other work"
    theirs = Outlook(waits=True, place=2, before=40.0, own=0.0, others=True)
    assert in_line(theirs) == "Second in line, behind about 40 s of other work"
    assert in_line(Outlook(waits=True, place=12)) == "Number 12 in line, behind your other work"
    assert [may_go_first(mine), may_go_first(theirs)] == [True, False]
    assert may_go_first(Outlook(waits=True, place=2)), "nobody knows how long the others take"


def test_what_is_computed_or_waits_for_a_moment_says_nothing_of_a_line() -> None:
    assert not waits(Outlook(place=2, before=100.0, own=100.0))
    assert not waits(Outlook(waits=True, place=2, before=1.0, own=1.0))
    assert not waits(Outlook(waits=True, before=0.0, own=0.0))
    assert not may_go_first(Outlook(waits=True, place=2, before=100.0, own=1.0, others=True))
