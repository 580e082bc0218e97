"""PxAP: a curve by hand, the literal loop, and scikit-learn's average precision beside it."""

import numpy as np
import pytest

from tests.localization.small_maps import one, random_case
from tests.reference import localization as literal
from xai_core.localization import pxap, pxap_pooled


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


def test_the_pooled_area_is_that_of_all_pixels():
    maps, masks = random_case(8)
    parts = np.maximum(maps, 0)
    wide = np.concatenate(list(parts / parts.max((1, 2), keepdims=True)), axis=1)
    expected = literal.pxap(wide, np.concatenate(list(masks), axis=1))
    assert pxap_pooled(maps, masks) == pytest.approx(expected, rel=1e-13)
    assert pxap_pooled(maps[:1], masks[:1]) == pytest.approx(pxap(maps[:1], masks[:1])[0])


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
