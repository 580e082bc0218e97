"""Pictures put together as one input, and which are drawn for that."""

from collections import Counter

import numpy as np
import pytest

from xai_core.composites import (
    Drawn,
    drawn_quadrants,
    half_masks,
    quadrant_masks,
    side_by_side,
    two_by_two,
)
from xai_core.errors import DataError, ImageError
from xai_core.images import model_input


def noise(height, width, seed):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def flat(value):
    return np.full((10, 14, 3), value, np.uint8)


@pytest.mark.parametrize("squash", [False, True])
@pytest.mark.parametrize("crop", [1.0, 0.875])
def test_each_quadrant_is_what_the_model_sees_at_half_the_resolution(crop, squash):
    pictures = [noise(40, 60, 0), noise(60, 40, 1), noise(33, 33, 2), noise(9, 70, 3)]
    found = two_by_two(pictures, (32, 48), crop, "bicubic", squash)
    assert (found.shape, found.dtype) == ((3, 32, 48), np.float32)
    for mask, picture in zip(quadrant_masks((32, 48)), pictures, strict=True):
        seen = model_input(picture, (16, 24), crop, "bicubic", squash)
        assert np.array_equal(found[:, mask].reshape(3, 16, 24), seen)


def test_each_half_is_a_middle_strip():
    # 40 x 80 into 20 x 20 halves of 20 x 10: scale 1/2, of 40 columns the middle ten, 15 to 24.
    ramp = np.repeat(np.arange(80, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    found = side_by_side(ramp, flat(51), (20, 20), 1.0)
    left, right = half_masks((20, 20))
    strip = found[0][left].reshape(20, 10) * 255
    # Column 15 lies over columns 30 and 31, of mean 30.5, and so on; 8 bits round it.
    assert np.abs(strip - (30.5 + 2 * np.arange(10))).max() <= 0.5 + 1e-4
    assert np.allclose(found[0][right], 0.2)


def test_masks_by_hand():
    upper_left, upper_right, lower_left, lower_right = quadrant_masks((2, 4))
    assert upper_left.tolist() == [[True, True, False, False], [False] * 4]
    assert upper_right.tolist() == [[False, False, True, True], [False] * 4]
    assert lower_left.tolist() == [[False] * 4, [True, True, False, False]]
    assert lower_right.tolist() == [[False] * 4, [False, False, True, True]]
    left, right = half_masks((1, 4))
    assert (left.tolist(), right.tolist()) == (
        [[True, True, False, False]],
        [[False, False, True, True]],
    )


def test_four_equal_pictures_make_four_equal_quadrants():
    found = two_by_two([noise(40, 60, 0)] * 4, (12, 12), 0.875)
    assert np.array_equal(found[:, :6], found[:, 6:])
    assert np.array_equal(found[:, :, :6], found[:, :, 6:])


def test_odd_sides_and_other_counts_are_refused():
    sentence = "sides that can be halved; 225 pixels of the model's input are odd"
    for size in ((225, 224), (224, 225)):
        with pytest.raises(ImageError, match=sentence):
            two_by_two([flat(0)] * 4, size, 1.0)
        with pytest.raises(ImageError, match=sentence):
            quadrant_masks(size)
    for function in (half_masks, lambda size: side_by_side(flat(0), flat(1), size, 1.0)):
        with pytest.raises(ImageError, match=sentence):
            function((224, 225))
    assert side_by_side(flat(0), flat(1), (225, 224), 1.0).shape == (3, 225, 224)
    assert half_masks((225, 224)).shape == (2, 225, 224)
    with pytest.raises(ImageError, match="needs four pictures, not 3"):
        two_by_two([flat(0)] * 3, (224, 224), 1.0)


CLASSES = {f"picture {number}": number % 5 for number in range(40)}


def test_distractors_are_three_others_of_other_classes():
    for name, drawn in drawn_quadrants(CLASSES, 0).items():
        assert len(set(drawn.distractors)) == 3
        assert all(CLASSES[other] != CLASSES[name] for other in drawn.distractors)
        assert drawn.names(name)[drawn.quadrant] == name
        assert Counter(drawn.names(name)) == Counter([name, *drawn.distractors])


def test_names_by_hand():
    assert Drawn(0, ("a", "b", "c")).names("x") == ("x", "a", "b", "c")
    assert Drawn(2, ("a", "b", "c")).names("x") == ("a", "b", "x", "c")


def test_the_order_of_the_pictures_does_not_matter_and_the_seed_does():
    drawn = drawn_quadrants(CLASSES, 7)
    assert drawn_quadrants(dict(reversed(CLASSES.items())), 7) == drawn
    assert drawn_quadrants(CLASSES, 8) != drawn


def test_a_picture_that_goes_changes_only_what_it_was_part_of():
    drawn = drawn_quadrants(CLASSES, 0)
    without = {name: its for name, its in CLASSES.items() if name != "picture 3"}
    apart = {name for name, its in drawn.items() if "picture 3" in its.names(name)}
    for name, its in drawn_quadrants(without, 0).items():
        assert its.quadrant == drawn[name].quadrant
        assert (its == drawn[name]) == (name not in apart)


def test_all_quadrants_and_all_pictures_are_drawn():
    # Of 4,000 draws, each quadrant has 1,000 with a standard deviation of 27; 200 are seven.
    counts = Counter(
        drawn.quadrant for seed in range(100) for drawn in drawn_quadrants(CLASSES, seed).values()
    )
    assert all(abs(counts[quadrant] - 1000) < 200 for quadrant in range(4))
    others = {name for drawn in drawn_quadrants(CLASSES, 0).values() for name in drawn.distractors}
    # Each is left out by 32 others with (1 - 3/32)^32 = 4 %; of 40, 2 are to be expected.
    assert len(others) > 30


@pytest.mark.parametrize("classes", [{"a": 1, "b": 1}, {"a": 1}, {"a": 1, "b": 2, "c": 2, "d": 1}])
def test_too_few_of_other_classes_are_refused(classes):
    with pytest.raises(DataError, match="needs three pictures of other classes"):
        drawn_quadrants(classes, 0)


def test_no_pictures_need_nothing():
    assert drawn_quadrants({}, 0) == {}
