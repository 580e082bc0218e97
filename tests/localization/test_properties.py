"""What holds for any maps and masks."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xai_core.localization import (
    box_iou,
    boxes_around,
    content_heatmap,
    masks_of_boxes,
    negative_quadrants,
    pointing_game,
    pxap,
    salient_regions,
    stochastic_pointing_game,
)

SIZE = (6, 9)
OF_MASKS = [pointing_game, stochastic_pointing_game, content_heatmap, pxap]
# Sixteenths, so that ties are frequent and a factor that is a power of two rounds nothing.
values = st.integers(-32, 32).map(lambda number: number / 16)
any_map = arrays(np.float64, (1, *SIZE), elements=values)
any_mask = arrays(np.bool_, (1, *SIZE))


@st.composite
def boxes(draw):
    x0, y0 = draw(st.integers(0, SIZE[1] - 1)), draw(st.integers(0, SIZE[0] - 1))
    x1, y1 = draw(st.integers(x0 + 1, SIZE[1])), draw(st.integers(y0 + 1, SIZE[0]))
    return np.array([[x0, y0, x1, y1]])


def transposed(batch):
    return batch.transpose(0, 2, 1)


def scores(map_, mask, box, quadrant):
    """The scores of one map, by name."""
    found = {function.__name__: function(map_, mask) for function in OF_MASKS}
    found["box_iou"] = box_iou(map_, box)
    found["negative_quadrants"] = negative_quadrants(map_, quadrant)
    return found


objects = {"mask": any_mask, "box": boxes(), "quadrant": st.integers(0, 3).map(lambda q: [q])}


@given(any_map, st.fixed_dictionaries(objects), st.integers(-40, 40))
def test_the_scale_of_a_map_does_not_matter(map_, given_, power):
    given_["quadrant"] = np.array(given_["quadrant"])
    once, scaled = scores(map_, **given_), scores(map_ * 2.0**power, **given_)
    for name, score in once.items():
        np.testing.assert_array_equal(scaled[name], score, err_msg=name)


@given(any_map, st.fixed_dictionaries(objects))
def test_scores_lie_from_0_to_1_or_are_undefined(map_, given_):
    given_["quadrant"] = np.array(given_["quadrant"])
    nothing = not (map_ > 0).any()
    for name, score in scores(map_, **given_).items():
        empty = nothing or (name in {f.__name__ for f in OF_MASKS} and not given_["mask"].any())
        assert np.isnan(score[0]) == empty, name
        assert empty or 0 <= score[0] <= 1, name


@given(any_map, any_mask)
def test_negative_values_count_as_none(map_, mask):
    for function in OF_MASKS:
        np.testing.assert_array_equal(function(np.maximum(map_, 0), mask), function(map_, mask))


@given(any_map, any_mask)
def test_rows_and_columns_can_change_places(map_, mask):
    for function in (pointing_game, content_heatmap, pxap):
        turned = function(transposed(map_), transposed(mask))
        np.testing.assert_allclose(turned, function(map_, mask), rtol=1e-12)
    quadrants = np.arange(4)
    once = negative_quadrants(np.repeat(map_, 4, axis=0), quadrants)
    turned = negative_quadrants(np.repeat(transposed(map_), 4, axis=0), quadrants)
    np.testing.assert_allclose(turned, once[[0, 2, 1, 3]], rtol=1e-12, atol=1e-12)


@given(arrays(np.float64, (1, *SIZE), elements=st.floats(0.25, 1)), boxes(), boxes())
def test_boxes_turn_with_the_map(map_, where, truth):
    # All of it lies in one rectangle, so that no two components are equally large.
    map_ = np.where(masks_of_boxes(where, *SIZE), map_, 0)
    turn = [1, 0, 3, 2]
    found = box_iou(transposed(map_), truth[:, turn])
    np.testing.assert_array_equal(found, box_iou(map_, truth))
    np.testing.assert_array_equal(boxes_around(transposed(salient_regions(map_))), where[:, turn])


@given(boxes())
def test_a_perfect_map_scores_1(box):
    masks = masks_of_boxes(box, *SIZE)
    for function in OF_MASKS:
        assert function(masks.astype(float), masks) == [1], function.__name__
    assert box_iou(masks.astype(float), box) == [1]


@given(any_mask)
def test_a_map_beside_the_object_scores_0_by_its_content(mask):
    assume(mask.any() and not mask.all())
    outside = (~mask).astype(float)
    assert content_heatmap(outside, mask) == [0]
    assert pointing_game(outside, mask, tolerance=0) == [0]
    assert stochastic_pointing_game(outside, mask, tolerance=0) == [0]


@given(any_map, any_mask, st.integers(0, 4))
def test_a_wider_margin_takes_no_hit_away(map_, mask, tolerance):
    assume(mask.any() and (map_ > 0).any())
    for game in (pointing_game, stochastic_pointing_game):
        near, far = (game(map_, mask, tolerance=t)[0] for t in (tolerance, tolerance + 1))
        assert near <= far


@given(any_map)
def test_the_four_quadrants_share_the_map(map_):
    assume((map_ > 0).any())
    outside = negative_quadrants(np.repeat(map_, 4, axis=0), np.arange(4))
    assert outside.sum() == pytest.approx(3)
