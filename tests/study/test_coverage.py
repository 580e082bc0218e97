"""Intervals hold the truth as often as they promise, tests reject it no more often."""

import numpy as np
import pytest

from tests.reference import study as reference
from tests.study import simulated
from xai_core.study.analysis.between_models import paired_tests, share_differences
from xai_core.study.analysis.resampling import crossed, redrawn
from xai_core.study.analysis.shares import centred, share_table
from xai_core.study.analysis.votes import accurate

FEW, MANY = 120, pytest.param(600, marks=pytest.mark.long)  # simulated studies
REPLICATES = 150

# Participants, pictures, pictures that each participant sees, spreads of participants and
# pictures in logits, mean logit.
SETTINGS = [
    (50, 20, None, 0.7, 0.0, 0.0),
    (20, 10, None, 0.7, 0.7, 0.0),
    (200, 10, None, 0.7, 1.0, -1.2),
    (60, 30, 12, 0.7, 0.7, 0.0),
]


def covered(setting, interval, studies):
    """Share of simulated studies whose interval holds the true share of answers."""
    people, images, seen, participants, pictures, mean = setting
    truth = simulated.share(participants, pictures, mean)
    rng = np.random.default_rng(7)
    hits = 0
    for seed in range(studies):
        drawn = simulated.votes(rng, people, images, participants, pictures, mean, seen)
        row = share_table(drawn, interval, seed, REPLICATES).iloc[0]
        hits += row.low <= truth <= row.high
    return hits / studies


@pytest.mark.parametrize(
    ("studies", "off"),
    # Three standard errors of 0.95 among 120; a little more than two among 600.
    [(120, 0.06), pytest.param(600, 0.02, marks=pytest.mark.long)],
)
@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_the_crossed_interval_of_vote_shares_covers(setting, studies, off):
    assert abs(covered(setting, "bootstrap", studies) - 0.95) <= off


@pytest.mark.parametrize("studies", [FEW, MANY])
def test_the_pooled_interval_does_not(studies):
    # Independent answers would give 0.95; the figure of RELIABILITY is 0.76.
    assert covered(SETTINGS[0], "wilson", studies) < 0.80


def test_the_variance_is_that_of_the_analysis_of_variance():
    rng = np.random.default_rng(2)
    drawn = simulated.votes(rng, 30, 12, 0.9, 0.9)
    shares = drawn.counts.sum(0) / drawn.counts.sum()
    total = drawn.counts.sum()
    replicated = centred(redrawn(drawn, 20_000, 1), shares) / total
    found = crossed(centred(drawn.counts, shares) / total, replicated, 30)
    expected = reference.spread(drawn.chosen[..., 0].astype(float).tolist())
    assert found.variance[0] == pytest.approx(expected, rel=0.03)


def test_one_participant_or_picture_alone_has_no_variance():
    for people, images in ((1, 5), (5, 1)):
        drawn = simulated.votes(np.random.default_rng(0), people, images)
        shares = drawn.counts.sum(0) / drawn.counts.sum()
        parts = centred(drawn.counts, shares)
        found = crossed(parts, centred(redrawn(drawn, 50), shares), people)
        assert np.isnan(found.variance).all()
        row = share_table(drawn, "bootstrap", 0, 50).iloc[0]
        assert row.low <= row.share <= row.high
        assert row.high - row.low > 0.6, "one case tells next to nothing"


@pytest.mark.parametrize("studies", [FEW, MANY])
def test_the_paired_test_rejects_no_more_than_it_says(studies):
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(studies):
        # Pictures decide by themselves; neither model is better.
        counts = rng.multinomial(21, [0.4, 0.4, 0.1, 0.1], size=50).astype(float)
        rejected += paired_tests(accurate(counts), ["c1", "c2"]).p[0] <= 0.05
    assert rejected / studies <= 0.05


@pytest.mark.parametrize("studies", [FEW, MANY])
def test_the_difference_of_shares_rejects_no_more_than_it_says(studies):
    rng = np.random.default_rng(4)
    rejected = 0
    for seed in range(studies):
        drawn = simulated.votes(rng, 40, 20, 0.7, 0.7)
        rejected += share_differences(drawn, seed, REPLICATES).p[0] <= 0.05
    assert rejected / studies <= 0.07
