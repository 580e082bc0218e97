"""The metric as measures: numbers by hand, and the literal loop's."""

import numpy as np
import pytest
import torch

from tests.apem.tiny_networks import linear_case, map_of, small_case
from tests.reference import apem as literal
from xai_core.apem import scores


def test_scores_by_hand():
    # Along the map the score 10.5 falls by 3 a step, along its opposite by 1.4: 4 and 8 steps.
    # Nothing changes the second picture; the third map is empty.
    clf, x = linear_case()
    x = torch.cat([x, torch.full_like(x, 1000), x])
    r = map_of(1.0, 0.5, 0.0, 0.0).repeat(3, 1, 1, 1)
    r[2] = 0
    found = {
        name: getattr(scores, name)(clf, x, 0, r, eps_max=9)
        for name in ("eps_minus", "eps_plus", "apem")
    }
    for name, value in {"eps_minus": 4, "eps_plus": 8, "apem": 4}.items():
        np.testing.assert_array_equal(found[name], [value, np.nan, np.nan])
    # Of 200 shuffled maps the fastest need 4 and 5 steps (test_metric).
    normalized = scores.apem_normalized(clf, x, [0, 0, 0], r, shuffles=200, eps_max=9)
    np.testing.assert_allclose(normalized, [8 / 5 - 4 / 4, np.nan, np.nan])


@pytest.mark.parametrize("channels", [1, 3])
def test_both_counts_equal_the_literal_loops(channels):
    clf, x, r = small_case(1, channels)
    for name in ("eps_minus", "eps_plus"):
        loop = getattr(literal, name)
        expected = [loop(clf, x[n : n + 1], r[n : n + 1], 20) for n in range(3)]
        found = getattr(scores, name)(clf, x, 0, r, eps_max=20)
        np.testing.assert_array_equal(found, np.array(expected, dtype=float))
