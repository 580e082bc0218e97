"""Which classes are compared, by hand."""

import numpy as np
import pytest

from xai_core.class_sensitivity.pairs import class_pair, two_or_more
from xai_core.errors import MethodError

SCORES = np.array([0.1, 0.3, 0.3, 0.2, 0.1], np.float32)


@pytest.mark.parametrize(
    ("rule", "true", "pair"),
    [
        ("top", None, (1, 2)),  # of two equal ones the first comes first
        ("top", 4, (1, 2)),
        ("true", 1, (1, 2)),
        ("true", 2, (2, 1)),
        ("true", 4, (4, 1)),
        ("true", None, None),
    ],
)
def test_two_classes_of_a_picture(rule, true, pair):
    assert class_pair(SCORES, rule, true) == pair


def test_all_classes_alike():
    # As where every class has a probability of its own, and all are certain.
    certain = np.ones(3, np.float32)
    assert class_pair(certain, "top") == (0, 1)
    assert class_pair(certain, "true", 0) == (0, 1)
    assert two_or_more(certain, [2]) == [2, 0]


@pytest.mark.parametrize(
    ("among", "found"),
    [
        ((), [1, 2]),
        ((3,), [3, 1]),
        ((2, 2), [2, 1]),
        ((4, 0), [4, 0]),
        ((4, 0, 4, 3), [4, 0, 3]),
    ],
)
def test_two_classes_or_more(among, found):
    assert two_or_more(SCORES, among) == found


def test_one_class_cannot_be_compared():
    for choose in (lambda one: class_pair(one, "top"), two_or_more):
        with pytest.raises(MethodError, match="The model has one class"):
            choose(np.ones(1))


@pytest.mark.parametrize("rule", ["chosen", "alone", "best"])
def test_no_other_rule_finds_a_pair(rule):
    with pytest.raises(MethodError, match=f"by top or true, not by '{rule}'"):
        class_pair(SCORES, rule)
