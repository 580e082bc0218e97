"""Pictures put together: which goes where, and whose part belongs to which class."""

import numpy as np
import pytest

from xai_core.class_sensitivity.joined import (
    LEAST_SHOWN,
    ORDERS,
    joined,
    joined_parts,
    joined_shown,
    needed,
    parts_of,
    possible,
)
from xai_core.errors import ImageError

SIZE = (4, 6)
# Which picture is in each pixel of a row in the upper and in the lower half.
ROWS = {
    "side-by-side": ([0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1]),
    "crosswise": ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0]),
    "2x2": ([0, 0, 0, 1, 1, 1], [2, 2, 2, 3, 3, 3]),
}


def places(way):
    """Which picture is in each pixel, [4, 6]."""
    return np.repeat(ROWS[way], 2, axis=0)


def greys(count):
    """Pictures of one colour each: 0, 51, 102 and 153 of 255."""
    return [np.full((20, 30, 3), 51 * number, np.uint8) for number in range(count)]


@pytest.mark.parametrize("way", ORDERS)
def test_each_picture_is_in_its_place(way):
    found = joined(greys(needed(way)), way, SIZE, 1.0)
    assert np.allclose(found, places(way) / 5)
    parts = joined_parts(way, SIZE)
    assert np.array_equal(parts, [places(way) == k for k in range(needed(way))])


@pytest.mark.parametrize("way", ORDERS)
def test_people_see_the_same_larger(way):
    shown = joined_shown(greys(needed(way)), way, SIZE, 1.0)
    assert shown.size == (LEAST_SHOWN // 4 * 6, LEAST_SHOWN)
    pixels = np.asarray(shown)[::112, ::112]
    assert np.array_equal(pixels, np.repeat(51 * places(way)[..., None], 3, axis=2))


def test_how_many_pictures_are_needed():
    assert {way: needed(way) for way in ORDERS} == {"side-by-side": 2, "crosswise": 2, "2x2": 4}


@pytest.mark.parametrize(
    ("size", "ways"),
    [((4, 6), list(ORDERS)), ((5, 6), ["side-by-side"]), ((4, 7), []), ((5, 5), [])],
)
def test_odd_inputs_cannot_be_halved(size, ways):
    assert [way for way in ORDERS if possible(way, size)] == ways
    for way in ORDERS:
        if way not in ways:
            with pytest.raises(ImageError, match="odd"):
                joined(greys(needed(way)), way, size, 1.0)


@pytest.mark.parametrize(
    ("way", "count", "sentence"),
    [
        ("side-by-side", 3, "'side-by-side' needs 2 pictures, not 3"),
        ("2x2", 2, "'2x2' needs 4 pictures, not 2"),
        ("in a row", 2, "put together side-by-side, crosswise, 2x2, not 'in a row'"),
    ],
)
def test_what_cannot_be_put_together(way, count, sentence):
    with pytest.raises(ImageError, match=sentence):
        joined(greys(count), way, SIZE, 1.0)


@pytest.mark.parametrize(
    ("classes", "alone", "parts"),
    [
        ([7, 3], [7, 3], [[0], [1]]),
        ([3, 7], [7, 3], [[1], [0]]),
        ([7, 5], [7, 7], [[0, 1], []]),  # two pictures of one class
        ([5, 6], [7, 3], [[], []]),
        ([7, 3], [7, 3, 3, 1], [[0], [1, 2]]),
    ],
)
def test_which_pictures_belong_to_a_class(classes, alone, parts):
    assert parts_of(classes, alone) == parts
