"""How alike heatmaps are, as a task."""

import numpy as np
import pytest

from xai_core import tasks
from xai_core.similarity import similarity
from xai_core.tasks.comparison import run_similarity


def test_maps_are_compared_with_each_other():
    given = np.random.default_rng(0).uniform(-1, 1, (3, 16, 16)).astype(np.float32)
    given[2] = given[0]
    scores = run_similarity(given, "spearman", "all", [True] * len(given)).arrays["scores"]
    # Rank correlation: 1 with itself and its copy, and the same in both directions.
    np.testing.assert_allclose(np.diag(scores), 1)
    assert scores[0, 2] == pytest.approx(1)
    assert scores[0, 1] == pytest.approx(scores[1, 0])
    assert abs(scores[0, 1]) < 0.5


def test_maps_without_negative_values_are_compared_as_they_are():
    given = np.random.default_rng(0).uniform(0, 1, (3, 16, 16)).astype(np.float32)
    scores = run_similarity(given, "ssim", "all", [False, False, True]).arrays["scores"]
    assert scores[0, 1] == similarity(given[:1], given[1:2], signed=False)[0]
    assert scores[0, 2] == similarity(given[:1], given[2:], signed=True)[0]


def test_what_kind_the_maps_are_belongs_to_the_question():
    two = np.zeros((2, 8, 8), np.float32)
    one, other = (
        tasks.similarity(two, "ssim", "all", kinds) for kinds in ([True] * 2, [False] * 2)
    )
    assert one.key != other.key
    assert other.arguments == {"maps": two, "measure": "ssim", "show": "all", "signed": [False] * 2}
