"""What a model sees of annotations, beside the very pixels that it gets."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xai_core.annotations import Annotation, Box, Mask, Outlines, Region, seen
from xai_core.annotations import outlines as geometry
from xai_core.images import model_input, placement

SIZES = [(640, 480), (480, 640), (333, 333), (1000, 97), (97, 1000), (31, 33), (257, 232), (64, 64)]
INPUTS = [(64, 64), (48, 80)]
VIEWS = [(crop, squash) for crop in (1.0, 0.875, 0.5) for squash in (False, True)]
PLACES = {
    "middle": (0.35, 0.3, 0.7, 0.65),
    "edge": (0, 0.4, 0.5, 1),
    "whole height": (0.4, 0, 0.6, 1),
}


def shapes(size, corners):
    """A rectangle of whole pixels as box, outline and mask."""
    x0, y0, x1, y1 = corners
    pixels = np.zeros(size[::-1], bool)
    pixels[y0:y1, x0:x1] = True
    return [
        Box(*corners),
        Outlines((((x0, y0), (x1, y0), (x1, y1), (x0, y1)),)),
        Mask(pixels),
    ]


def regions(*found):
    return [Region(None, shape) for shape in found]


def bright(size, corners, input_size, crop, squash):
    """What the model gets of a white rectangle on black [H, W]."""
    values = np.zeros((*size[::-1], 3), np.uint8)
    x0, y0, x1, y1 = corners
    values[y0:y1, x0:x1] = 255
    return model_input(values, input_size, crop, "bilinear", squash)[0]


def distances(size, corners, input_size, crop, squash):
    """Of each centre [W] and [H] to the nearest edge across and down, and the filter's reach.

    In pixels of the input. Edges of the picture are none: nothing is beyond them.
    """
    resized, start = placement(size, input_size, crop, squash)
    found = []
    for axis in (0, 1):
        scale = resized[axis] / size[axis]
        centres = start[axis] + np.arange(input_size[1 - axis]) + 0.5
        edges = [corners[axis], corners[axis + 2]]
        inner = [edge * scale for edge in edges if 0 < edge < size[axis]]
        away = [np.abs(centres - edge) for edge in inner] or [np.full(len(centres), np.inf)]
        found.append((np.min(away, axis=0), max(1.0, scale)))
    return found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("input_size", INPUTS)
@pytest.mark.parametrize("size", SIZES)
def test_a_mask_is_where_the_model_s_input_is_bright(size, input_size, place):
    """The mask and what is more than half bright are one, but for corners and rounding.

    Pillow's bilinear filter is symmetrical and falls from its centre to its reach r, one pixel of
    the input or of the picture, whichever is larger. Across a single straight edge, the pixels of
    the picture come in pairs at equal distance from the edge; the one on the side of the centre
    has at least the weight of the other. So the value is above one half exactly on the bright
    side. It grows by at most 1 / r per pixel there and is rounded twice to 1 / 255, so that a
    centre closer than r / 255 to the edge may be on either side. Where two edges are closer than
    r, as at corners, the value is a product and can be less than one half though the centre is
    inside.
    """
    share = PLACES[place]
    corners = tuple(round(s * side) for s, side in zip(share, size * 2, strict=True))
    for crop, squash in VIEWS:
        value = bright(size, corners, input_size, crop, squash)
        (across, reach_x), (down, reach_y) = distances(size, corners, input_size, crop, squash)
        plain = (across[None] > reach_x) | (down[:, None] > reach_y)
        clear = (across[None] > reach_x / 255) & (down[:, None] > reach_y / 255)
        found = seen(regions(*shapes(size, corners)), size, input_size, crop, squash)
        for mask in found.masks:
            assert not (clear & (value > 0.5) & ~mask).any(), (crop, squash)
            assert not (clear & plain & mask & (value < 0.5)).any(), (crop, squash)
            assert (plain & clear).mean() > 0.75, "most pixels were compared"


@pytest.mark.parametrize("thin", [1, 2, 3])
@pytest.mark.parametrize("size", SIZES[:5])
def test_a_thin_object_is_where_the_model_s_input_is_brightest(size, thin):
    """A stripe and its light have one centre; pixels of the mask are within half a pixel of it.

    A resizing filter keeps the centre of mass, but for rounding and the bounds of the filter.
    """
    x0 = size[0] // 2 + 3
    corners = (x0, 0, x0 + thin, size[1])
    for crop, squash in VIEWS:
        value = bright(size, corners, (64, 64), crop, squash)
        resized, (left, _) = placement(size, (64, 64), crop, squash)
        scale = resized[0] / size[0]
        centres = np.arange(64) + 0.5
        middle = (x0 + thin / 2) * scale - left
        assert abs((value[32] @ centres) / value[32].sum() - middle) < 0.5
        for mask in seen(regions(*shapes(size, corners)), size, (64, 64), crop, squash).masks:
            expected = np.abs(centres - middle) < thin * scale / 2
            assert np.array_equal(mask, np.broadcast_to(expected, (64, 64)))
            assert (value[mask] > 0).all()


def test_by_hand():
    # 8 x 4, input 4 x 4 from a crop of the whole: the height fits, scale 1, columns 2 to 5 remain.
    found = seen(
        regions(Box(3, 1, 7, 3), Box(0, 0, 2, 4), Box(2.6, 0.5, 4.5, 4), Box(2.6, 0, 3.4, 4)),
        (8, 4),
        (4, 4),
        1.0,
    )
    assert found.boxes.tolist() == [[1, 1, 4, 3], [0, 0, 0, 0], [1, 0, 2, 4], [0, 0, 0, 0]]
    assert found.cut.tolist() == [0.25, 1.0, 0.0, 0.0]
    assert found.gone.tolist() == [False, True, False, False]
    assert found.empty.tolist() == [False, True, False, True], "the last holds no pixel's centre"
    assert found.masks.sum(axis=(1, 2)).tolist() == [6, 0, 4, 0]


def test_nothing_and_annotations():
    none = seen([], (8, 4), (4, 5), 1.0)
    assert (none.masks.shape, none.boxes.shape, none.cut.shape) == ((0, 4, 5), (0, 4), (0,))
    assert none.empty.shape == none.gone.shape == (0,)
    region = Region("dog", Box(0, 0, 8, 4))
    assert seen(Annotation((8, 4), (region,)), (8, 4), (4, 4), 1.0).masks.all()


@pytest.mark.parametrize(("crop", "squash"), VIEWS)
@pytest.mark.parametrize("size", SIZES)
def test_the_share_that_is_cut_off(size, crop, squash):
    """Of the whole picture, it is what lies outside of the window; nothing is cut without crop."""
    input_size = (64, 64)
    resized, _ = placement(size, input_size, crop, squash)
    found = seen(regions(*shapes(size, (0, 0, *size))), size, input_size, crop, squash)
    expected = 1 - 64 * 64 / (resized[0] * resized[1])
    assert np.allclose(found.cut, expected, atol=1e-12)
    if resized == (64, 64):
        assert found.cut.tolist() == [0, 0, 0], "not even by rounding"
    assert found.masks.all()


@pytest.mark.parametrize("kind", range(3))
def test_what_is_cut_off_wholly_is_told(kind):
    # 200 x 100 into a square: columns 50 to 150 are seen.
    for corners, cut in (((0, 10, 50, 90), 1), ((150, 10, 200, 90), 1), ((0, 0, 100, 100), 0.5)):
        found = seen(regions(shapes((200, 100), corners)[kind]), (200, 100), (50, 50), 1.0)
        assert found.cut.tolist() == [cut]
        assert found.gone.tolist() == [cut == 1]
        assert found.masks.any() == (cut < 1)


def test_a_mask_of_another_resolution_covers_the_whole_picture():
    # Of 2 x 2 pixels over 200 x 100, the right half of the upper row: x 100 to 200, y 0 to 50.
    mask = Mask(np.array([[False, True], [False, False]]))
    found = seen(regions(mask, Box(100, 0, 200, 50)), (200, 100), (50, 50), 1.0)
    assert np.array_equal(found.masks[0], found.masks[1])
    assert found.cut.tolist() == [0.5, 0.5]


TRIANGLE = ((0.0, 0.0), (4.0, 0.0), (0.0, 4.0))
RING = ((0, 0), (6, 0), (6, 6), (0, 6), (0, 0), (2, 2), (2, 4), (4, 4), (4, 2), (2, 2))


def test_outlines_by_hand():
    centres = np.arange(4) + 0.5
    # x + y < 4 of centres 0.5, 1.5, ...: three, two, one of the diagonal 0.5 + 3.5 = 4 not.
    assert geometry.inside(TRIANGLE, centres, centres).sum(axis=1).tolist() == [3, 2, 1, 0]
    assert geometry.area(TRIANGLE) == geometry.area(TRIANGLE[::-1]) == 8
    # Left of x = 1: 8 less the triangle of 3 by 3.
    assert geometry.area(geometry.clipped(TRIANGLE, (0, 0, 1, 4))) == 3.5
    centres = np.arange(6) + 0.5
    expected = np.ones((6, 6), bool)
    expected[2:4, 2:4] = False
    assert np.array_equal(geometry.inside(RING, centres, centres), expected), "a hole"


def test_parts_of_one_object_are_one_region():
    shape = Outlines((TRIANGLE, tuple((x + 8, y) for x, y in TRIANGLE)))
    alone = [Outlines((part,)) for part in shape.parts]
    found = seen(regions(shape, *alone), (12, 12), (12, 12), 1.0)
    assert np.array_equal(found.masks[0], found.masks[1] | found.masks[2])
    assert found.boxes[0].tolist() == [0, 0, 11, 3]


def test_an_outline_that_crosses_itself_is_cut_by_a_share_all_the_same():
    # Two triangles that meet at 0, 0 and are turned against each other: one of 8 to the right of
    # it, which is seen, and one of 2 to the left. The shoelace formula gives 6 for both.
    shape = Outlines((((0, 0), (4, 4), (4, 0), (-2, 0), (-2, -2)),))
    assert shape.area == 6
    assert seen(regions(shape), (4, 4), (4, 4), 1.0).cut.tolist() == [0]


def crossing_number(points, x, y):
    """The even-odd rule for one point, side by side."""
    odd = False
    for (x0, y0), (x1, y1) in itertools.pairwise([*points, points[0]]):
        if (y0 <= y) != (y1 <= y) and x0 + (y - y0) * (x1 - x0) / (y1 - y0) < x:
            odd = not odd
    return odd


corner = st.tuples(st.integers(-3, 12), st.integers(-3, 12))


@settings(deadline=None, derandomize=True)
@given(st.lists(corner, min_size=3, max_size=9))
def test_outlines_follow_the_even_odd_rule(points):
    # At these places no centre lies on a side, whose slopes are fractions of at most 15.
    centres = np.arange(9) + 0.5001
    others = np.arange(9) + 0.50037
    expected = [[crossing_number(points, x, y) for x in centres] for y in others]
    assert np.array_equal(geometry.inside(points, centres, others), expected)


@settings(deadline=None, derandomize=True)
@given(
    st.lists(st.integers(1, 6), min_size=3, max_size=8),
    st.tuples(*[st.integers(-8, 8)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]),
)
def test_parts_of_an_outline_add_up(radii, box):
    """What lies within a box and in the four places around it is the whole area."""
    angles = 2 * np.pi * np.arange(len(radii)) / len(radii)
    star = [(r * np.cos(a), r * np.sin(a)) for r, a in zip(radii, angles, strict=True)]
    x0, y0, x1, y1 = box
    places = [box, (-9, -9, 9, y0), (-9, y1, 9, 9), (-9, y0, x0, y1), (x1, y0, 9, y1)]
    parts = [geometry.area(geometry.clipped(star, place)) for place in places]
    assert sum(parts) == pytest.approx(geometry.area(star))


@settings(deadline=None, derandomize=True)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    crop=st.sampled_from([1.0, 0.875, 0.5]),
    squash=st.booleans(),
    data=st.data(),
)
def test_box_outline_and_mask_of_one_rectangle_are_seen_alike(size, crop, squash, data):
    x0, y0 = (data.draw(st.integers(0, side - 1)) for side in size)
    x1, y1 = (data.draw(st.integers(a + 1, s)) for a, s in zip((x0, y0), size, strict=True))
    found = seen(regions(*shapes(size, (x0, y0, x1, y1))), size, (16, 24), crop, squash)
    assert np.array_equal(found.masks[0], found.masks[2])
    assert np.array_equal(found.masks[0], found.masks[1])
    assert np.allclose(found.cut, found.cut[0], atol=1e-9)
    # A box's edges are rounded to the nearest edges of pixels; a middle goes to the pixel before.
    resized, (left, top) = placement(size, (16, 24), crop, squash)
    edges = [
        np.ceil(np.round(edge * resized[axis] / size[axis] - start - 0.5, 9)).clip(0, most)
        for edge, axis, start, most in ((x0, 0, left, 24), (y0, 1, top, 16), (x1, 0, left, 24),
                                        (y1, 1, top, 16))
    ]  # fmt: skip
    full = edges[0] < edges[2] and edges[1] < edges[3]
    assert found.boxes[0].tolist() == (edges if full else [0, 0, 0, 0])
