"""Maps that are empty or sit at the border, by hand."""

import numpy as np
import pytest

from xai_core.randomization.collapse import BORDER, EMPTY, collapse, counted, remark


def one(height, width, places):
    """A map [1, h, w] that is zero but for some places."""
    found = np.zeros((1, height, width), dtype=np.float32)
    for (row, column), value in places.items():
        found[0, row, column] = value
    return found


def test_a_map_that_is_zero_everywhere_is_empty():
    assert collapse(np.zeros((3, 8, 8), dtype=np.float32)) == EMPTY


def test_channels_that_cancel_leave_an_empty_map():
    assert collapse(np.stack([np.full((8, 8), 0.5), np.full((8, 8), -0.5)])) == EMPTY


def test_the_smallest_value_is_not_nothing():
    assert collapse(one(8, 8, {(3, 3): 1e-40})) == ""


@pytest.mark.parametrize("place", [(0, 0), (0, 7), (7, 7), (4, 0)])
def test_all_in_one_pixel_of_the_border(place):
    assert collapse(one(8, 8, {place: -3})) == BORDER


def test_all_in_one_pixel_of_the_middle_is_a_map():
    assert collapse(one(8, 8, {(1, 1): 1})) == ""


def test_nine_tenths_are_enough_and_less_is_not():
    """Of 8 by 8 pixels count ⌈64 / 50⌉ = 2, one pixel away from the border at most."""
    corner = {(0, 0): 8, (0, 1): 1}
    assert collapse(one(8, 8, {**corner, (4, 4): 1})) == BORDER  # 9 of 10
    assert collapse(one(8, 8, {**corner, (4, 4): 1.1})) == ""  # 9 of 10.1
    assert collapse(one(8, 8, {**corner, (4, 4): -1.1})) == ""  # what is negative counts too


def test_a_fiftieth_of_the_pixels_and_no_more_counts():
    """Of 20 by 20 pixels count 400 / 50 = 8."""
    row = {(0, column): 1 for column in range(8)}
    assert collapse(one(20, 20, row)) == BORDER
    assert collapse(one(20, 20, {**row, (0, 8): 1})) == ""  # 8 of 9


def test_the_border_is_an_eighth_of_the_shorter_side():
    """Of 16 by 24 pixels it is ⌈16 / 8⌉ = 2 wide; of 17 by 24 it is 3."""
    assert collapse(one(16, 24, {(1, 12): 1})) == BORDER
    assert collapse(one(16, 24, {(2, 12): 1})) == ""
    assert collapse(one(17, 24, {(2, 12): 1})) == BORDER


@pytest.mark.parametrize("side", [1, 2])
def test_a_map_without_a_middle_has_no_border(side):
    assert collapse(one(side, side, {(0, 0): 1})) == ""


def test_huge_values_are_told_like_small_ones():
    largest = np.finfo(np.float32).max
    assert collapse(one(8, 8, {(0, 0): largest, (0, 1): largest})) == BORDER
    assert collapse(np.full((3, 8, 8), largest, dtype=np.float32)) == ""


def test_a_picture_counts_once_however_many_seeds_lose_its_map():
    trained = ["", EMPTY, BORDER]
    others = [[EMPTY, EMPTY, ""], [EMPTY, BORDER, ""]]
    assert counted(trained, others) == {
        "pictures": 3,
        "empty": 2,
        "border": 1,
        "trained empty": 1,
        "trained border": 1,
    }


def test_the_remark_says_on_how_many_pictures():
    assert remark(counted(["", ""], [["", ""]])) == ""
    assert remark(counted([""], [[EMPTY]])) == "empty on 1 of 1 picture"
    assert remark(counted(["", EMPTY], [[BORDER, EMPTY]])) == (
        "empty on 1 of 2 pictures; at the border on 1 of 2 pictures; "
        "already the trained network's empty on 1 of 2 pictures"
    )
    assert remark(counted([BORDER], [[""]])) == (
        "already the trained network's at the border on 1 of 1 picture"
    )
