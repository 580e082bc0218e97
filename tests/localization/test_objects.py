"""The objects of a class in front of a model, by hand."""

import numpy as np
import pytest

from xai_core.annotations import Box, Mask, Region
from xai_core.errors import ImageError
from xai_core.localization.objects import quadrant_objects, seen_objects

# A picture of 16 x 8 pixels at an input of 8 x 8: columns 4 to 11 are seen.
SIZE, INPUT = (16, 8), (8, 8)


def region(*corners):
    return Region("ant", Box(*corners))


def test_masks_are_united_and_each_object_has_its_box():
    found = seen_objects([region(4, 0, 6, 2), region(5, 1, 8, 4)], SIZE, INPUT, 1.0)
    expected = np.zeros(INPUT, bool)
    expected[0:2, 0:2] = expected[1:4, 1:4] = True
    assert (found.mask == expected).all()
    assert found.boxes.tolist() == [[0, 0, 2, 2], [1, 1, 4, 4]]
    assert (found.size, found.cut, found.quadrant) == ((4 + 9 - 1) / 64, 0, None)


def test_the_share_that_is_cut_off_is_that_of_all_areas_together():
    # Of 4 x 2 pixels half is seen, of 2 x 8 nothing, of 2 x 2 all: 4 + 16 of 28 are lost.
    regions = [region(2, 0, 6, 2), region(0, 0, 2, 8), region(8, 4, 10, 6)]
    found = seen_objects(regions, SIZE, INPUT, 1.0)
    assert found.cut == pytest.approx(20 / 28)
    assert found.boxes.tolist() == [[0, 0, 2, 2], [4, 4, 6, 6]]
    assert found.size == 8 / 64


def test_a_mask_counts_by_its_pixels():
    pixels = np.zeros((8, 16), bool)
    pixels[:, 2:6] = True
    found = seen_objects([Region(None, Mask(pixels)), region(8, 0, 12, 8)], SIZE, INPUT, 1.0)
    # 16 of 32 pixels of the mask are cut off, and none of 32 of the box.
    assert found.cut == pytest.approx(16 / 64)
    assert found.mask.sum() == 16 + 32


def test_what_the_crop_cuts_off_leaves_nothing():
    found = seen_objects([region(0, 0, 3, 8)], SIZE, INPUT, 1.0)
    assert (found.size, found.cut, len(found.boxes)) == (0, 1, 0)


def test_a_quadrant_is_a_place_for_an_object():
    found = quadrant_objects(2, (4, 6))
    assert found.mask.tolist() == [[False] * 6] * 2 + [[True] * 3 + [False] * 3] * 2
    assert found.boxes.tolist() == [[0, 2, 3, 4]]
    assert (found.size, found.quadrant) == (0.25, 2)
    with pytest.raises(ImageError, match="sides that can be halved; 5 pixels"):
        quadrant_objects(0, (4, 5))
