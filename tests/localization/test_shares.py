"""Shares of the relevance: numbers by hand, and the literal loops."""

import numpy as np
import pytest

from tests.localization.small_maps import one, random_case
from tests.reference import localization as literal
from xai_core.localization import content_heatmap, negative_quadrants


def test_content_by_hand():
    # 1 and 3 of the positive 1, 3 and 4 lie inside.
    map_, mask = one([[1.0, 3.0], [4.0, -9.0]]), one([[True, True], [False, True]])
    assert content_heatmap(map_, mask) == [4 / 8]


def test_content_equals_the_literal_loop():
    maps, masks = random_case(3)
    expected = [literal.content_heatmap(*pair) for pair in zip(maps, masks, strict=True)]
    np.testing.assert_allclose(content_heatmap(maps, masks), expected, rtol=1e-14)


def test_sums_of_huge_values_do_not_overflow():
    map_, mask = one([[1e308, 1e308], [1e308, 1e308]]), one([[True, False], [False, False]])
    assert content_heatmap(map_, mask) == [1 / 4]
    assert negative_quadrants(map_, np.array([0])) == [3 / 4]


@pytest.mark.parametrize("size", [(2, 2), (6, 4), (4, 10)])
def test_quadrants_are_those_of_a_composite(size):
    generator = np.random.default_rng(4)
    parts = generator.uniform(size=(4, *size))
    composite = np.block([[parts[0], parts[1]], [parts[2], parts[3]]])
    outside = [parts.sum() - own.sum() for own in parts]
    found = negative_quadrants(np.stack([composite] * 4), np.arange(4))
    np.testing.assert_allclose(found, np.array(outside) / parts.sum(), rtol=1e-14)


def test_the_middle_of_an_odd_side_counts_by_half_on_either_side():
    # Of nine equal pixels a quadrant has 1 and two halves and a quarter: 2.25.
    found = negative_quadrants(np.ones((4, 3, 3)), np.arange(4))
    np.testing.assert_allclose(found, 1 - 2.25 / 9)
    # A row of 3, all relevance in the last: half is above, half below, all at the right.
    map_ = np.repeat(one([[0.0, 0.0, 1.0]]), 4, axis=0)
    np.testing.assert_array_equal(negative_quadrants(map_, np.arange(4)), [1, 0.5, 1, 0.5])


@pytest.mark.parametrize("size", [(6, 6), (7, 6), (5, 9), (1, 1)])
def test_quadrants_equal_the_literal_loop(size):
    maps = np.abs(np.random.default_rng(5).normal(size=(4, *size)))
    expected = [literal.negative_quadrants(*pair) for pair in zip(maps, range(4), strict=True)]
    np.testing.assert_allclose(negative_quadrants(maps, np.arange(4)), expected, rtol=1e-14)
