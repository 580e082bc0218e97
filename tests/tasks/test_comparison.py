"""How alike heatmaps are, as a task."""

import numpy as np
import pytest

from xai_core import tasks
from xai_core.similarity import pairwise
from xai_core.tasks.comparison import run_similarity


@pytest.mark.parametrize(
    ("measure", "show", "signed"),
    [
        ("spearman", "all", [True, True, True]),
        ("ssim", "all", [False, False, True]),
        ("hog", "absolute", [True, False, False]),
    ],
)
def test_maps_are_compared_with_each_other(measure, show, signed):
    given = np.random.default_rng(0).uniform(0, 1, (3, 16, 16)).astype(np.float32)
    scores = run_similarity(given, measure, show, signed).arrays["scores"]
    np.testing.assert_array_equal(scores, pairwise(given, measure, show, signed=signed))


def test_what_kind_the_maps_are_belongs_to_the_question():
    two = np.zeros((2, 8, 8), np.float32)
    one, other = (
        tasks.similarity(two, "ssim", "all", kinds) for kinds in ([True] * 2, [False] * 2)
    )
    assert one.key != other.key
    assert other.arguments == {"maps": two, "measure": "ssim", "show": "all", "signed": [False] * 2}
