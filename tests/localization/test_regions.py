"""Regions, boxes and their overlap: numbers by hand, and the literal flood fill."""

import numpy as np
import pytest

from tests.localization.small_maps import one, random_case
from tests.reference import localization as literal
from xai_core.errors import MethodError
from xai_core.localization import (
    SUCCESS,
    box_iou,
    boxes_around,
    largest_components,
    masks_of_boxes,
    overlaps,
    salient_regions,
)


def test_overlap_by_hand():
    # From 2 on, a fifth of 10, pixels count: three hang together by a corner, one stands alone.
    map_ = one(
        [
            [10.0, 1.9, 0.0, 0.0, 2.0],
            [1.0, 2.0, 3.0, 0.0, 0.0],
            [-9.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    region = largest_components(salient_regions(map_))
    np.testing.assert_array_equal(region[0], [[1, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]])
    np.testing.assert_array_equal(boxes_around(region), [[0, 0, 3, 2]])
    # The box of 6 pixels and one of 4 share 2; so do 2 of 8.
    assert box_iou(map_, np.array([[1, 1, 3, 3]])) == [2 / 8]
    assert box_iou(map_, np.array([[0, 0, 3, 2]])) == [1]
    assert box_iou(map_, np.array([[3, 0, 5, 3]])) == [0]
    # From 3 on there are two pixels apart; the first in reading order is taken.
    assert box_iou(map_, np.array([[0, 0, 1, 2]]), threshold=0.3) == [1 / 2]
    assert SUCCESS == 0.5


def test_a_threshold_of_zero_takes_what_is_positive_and_one_takes_the_maximum():
    map_ = one([[0.0, 1e-300, 2.0, -1.0]])
    np.testing.assert_array_equal(salient_regions(map_, 0)[0], [[0, 1, 1, 0]])
    np.testing.assert_array_equal(salient_regions(map_, 1)[0], [[0, 0, 1, 0]])


def test_of_equal_components_the_first_is_taken():
    region = one([[0, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 0]]).astype(bool)
    np.testing.assert_array_equal(boxes_around(largest_components(region)), [[3, 0, 4, 2]])
    turned = region[:, :, ::-1]
    np.testing.assert_array_equal(boxes_around(largest_components(turned)), [[0, 0, 1, 2]])


def test_what_is_empty_stays_empty():
    nothing = np.zeros((1, 3, 4), dtype=bool)
    assert not largest_components(nothing).any()
    np.testing.assert_array_equal(boxes_around(nothing), [[0, 0, 0, 0]])
    assert not salient_regions(-np.ones((1, 3, 4)), 0).any()


def test_a_box_without_an_area_has_no_overlap():
    boxes = np.array([[0, 0, 0, 0], [1, 1, 1, 3], [0, 0, 2, 2]])
    np.testing.assert_array_equal(
        overlaps(boxes, np.array([[0, 0, 2, 2]] * 3)), [np.nan, np.nan, 1]
    )
    np.testing.assert_array_equal(np.isnan(box_iou(np.ones((3, 4, 4)), boxes)), [1, 1, 0])


def test_masks_of_boxes_and_boxes_around_them():
    boxes = np.array([[1, 0, 3, 2], [0, 0, 4, 3], [2, 2, 2, 3]])
    masks = masks_of_boxes(boxes, 3, 4)
    np.testing.assert_array_equal(masks[0], [[0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(boxes_around(masks[:2]), boxes[:2])
    assert not masks[2].any()


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.2, 0.5, 0.8])
def test_overlap_equals_the_literal_loop(ties, threshold):
    maps, _ = random_case(6, count=20, ties=ties)
    maps = np.maximum(maps, -0.5)
    boxes = np.array([[place % 5, place % 4, 6 + place % 7, 5 + place % 5] for place in range(20)])
    expected = [
        literal.box_iou(map_, box, threshold)
        for map_, box in zip(maps, boxes.tolist(), strict=True)
    ]
    np.testing.assert_array_equal(box_iou(maps, boxes, threshold), expected)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, "0.2"])
def test_a_threshold_that_is_no_share_is_refused(threshold):
    with pytest.raises(MethodError, match="'threshold' must"):
        salient_regions(np.ones((1, 2, 2)), threshold)
