"""The entropy of a map's histogram, and its rise."""

import math

import numpy as np
import pytest

from tests.reference import similarity as reference
from xai_core.complexity import complexity, entropy


def test_entropy_by_hand():
    assert entropy(np.repeat([0.0, 1.0], 50)) == pytest.approx(math.log(2))
    assert entropy(np.arange(100.0)) == pytest.approx(math.log(100))
    assert entropy(np.arange(100.0).repeat(3).reshape(20, 15)) == pytest.approx(math.log(100))
    # A quarter and three quarters, wherever the values are between minimum and maximum.
    quarter = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    for low, high in ((0, 1), (-1, 1), (0.5, 0.75)):
        assert entropy(np.repeat([low, high], [1, 3])) == pytest.approx(quarter)


def test_a_constant_map_has_no_entropy_even_if_it_is_constant_but_for_rounding():
    assert entropy(np.ones(9)) == 0
    assert entropy(np.zeros(9)) == 0
    assert entropy(np.array([1, 1 + 2.3e-16, -1e-17 + 1])) == 0
    assert entropy(-np.array([1, np.nextafter(1, 2)])) == 0
    # As by enlarging one place to many.
    assert entropy(np.float32([0.1, np.nextafter(np.float32(0.1), np.float32(1))])) == 0
    assert entropy(np.array([1, 1 + 1e-5])) == pytest.approx(math.log(2))


def test_the_rise_equals_the_literal_formula():
    generator = np.random.default_rng(0)
    a, b = generator.normal(0, 0.1, (3, 14, 14)), generator.uniform(-1, 1, (3, 14, 14))
    expected = [reference.complexity(one, two) for one, two in zip(a, b, strict=True)]
    # Each of a histogram's 100 shares and logarithms is rounded once.
    np.testing.assert_allclose(complexity(a, b), expected, rtol=0, atol=100 * np.finfo(float).eps)
