"""PxAP: a curve by hand, the literal loop, and scikit-learn's average precision beside it."""

import numpy as np
import pytest

from tests.localization.small_maps import one, random_case
from tests.reference import localization as literal
from xai_core.localization import level_counts, pooled_area, pxap, pxap_pooled


def test_an_area_by_hand():
    # From 4: 1 of 1 is right, recall 1/3. From 2: 2 of 3, recall 2/3. From 1: 2 of 4, no gain.
    # All six, since zero and below are alike: 3 of 6, recall 1.
    map_ = one([[4.0, 2.0, 2.0], [1.0, 0.0, -3.0]])
    mask = one([[True, True, False], [False, False, True]])
    np.testing.assert_allclose(pxap(map_, mask), [1 / 3 + 2 / 3 / 3 + 1 / 2 / 3], rtol=1e-14)


def test_a_constant_map_has_the_share_of_the_object():
    mask = one([[True, False, False, False]])
    assert pxap(np.full((1, 1, 4), 7.0), mask) == [1 / 4]


@pytest.mark.parametrize("ties", [False, True])
def test_the_area_equals_the_literal_loop(ties):
    maps, masks = random_case(7, ties=ties)
    expected = [literal.pxap(*pair) for pair in zip(maps, masks, strict=True)]
    np.testing.assert_allclose(pxap(maps, masks), expected, rtol=1e-13)


def test_a_pooled_area_by_hand():
    # Shares of the maxima: 1 and 0.5 on the first map, 1 and 0.25 on the second; the first pixel
    # of each is the object's. From 1: 1 of 2 is right, recall 1/2, as the second map points
    # elsewhere. From 0.5 no gain. From 0.25: 2 of 4, recall 1.
    maps = np.array([[[4.0, 2.0]], [[1.0, 4.0]]])
    masks = np.array([[[True, False]], [[True, False]]])
    assert pxap_pooled(maps, masks) == pytest.approx(1 / 2 / 2 + 2 / 4 / 2)
    assert pxap(maps, masks).mean() == pytest.approx((1 + 1 / 2) / 2)


def test_thresholds_of_the_pooled_area_are_the_papers():
    # 0.9991 and 0.9999 reach the same threshold, 0.999; 0.9989 does not.
    maps = np.array([[[1.0, 0.9991, 0.9989]]])
    assert pxap_pooled(maps, np.array([[[False, True, False]]])) == pytest.approx(1 / 2)
    assert pxap_pooled(maps, np.array([[[False, False, True]]])) == pytest.approx(1 / 3)


@pytest.mark.parametrize("ties", [False, True])
def test_the_pooled_area_equals_the_literal_loop(ties):
    maps, masks = random_case(8, ties=ties)
    expected = literal.pxap_pooled(maps, masks)
    assert pxap_pooled(maps, masks) == pytest.approx(expected, rel=1e-13)


def test_counts_of_pictures_add_up_to_those_of_all():
    maps, masks = random_case(8)
    counts = level_counts(maps, masks)
    assert counts.sum((1, 2)).tolist() == [maps[0].size] * len(maps)
    assert counts[:, 1].sum(1).tolist() == masks.sum((1, 2)).tolist()
    one_by_one = [level_counts(*pair) for pair in zip(maps[:, None], masks[:, None], strict=True)]
    assert pooled_area(np.concatenate(one_by_one).sum(0)) == pxap_pooled(maps, masks)


def test_the_pooled_area_takes_every_map_by_its_own_maximum():
    maps, masks = random_case(9)
    scale = np.array([1, 2, 1024, 1 / 64])[:, None, None]
    assert pxap_pooled(scale * maps, masks) == pxap_pooled(maps, masks)


def test_the_pooled_area_leaves_out_what_is_undefined():
    maps, masks = random_case(10)
    alone = pxap_pooled(maps[2:], masks[2:])
    maps[0], masks[1] = 0, False
    assert pxap_pooled(maps, masks) == alone
    assert np.isnan(pxap_pooled(maps[:2], masks[:2]))
