"""Integrated and expected gradients: baselines, draws, and networks where both are known."""

import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.explainers import METHODS, explain
from xai_core.explainers.baselines import blurred, reference_set, references
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
PICTURES = torch.cat([X.flip(2), X.flip(3), nets.oracle("baseline")])


@pytest.fixture
def linear():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2)).double()
    return Classifier(net, ["a", "b"], nets.SIZE), net[1].weight[1].detach().view(3, 32, 32)


@pytest.fixture
def smooth():
    """Analytic, so that 40 nodes are exact to rounding."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.Tanh(), nn.Flatten(), nn.Linear(400, 5))
    return Classifier(net.double(), nets.CLASSES, nets.SIZE)


@pytest.mark.parametrize("baseline", ["black", "blurred", "mean", "noise", PICTURES[:2]])
def test_a_linear_network_gets_weight_times_change(baseline, linear):
    clf, weights = linear
    found = explain(clf, X, 1, "integrated_gradients", steps=3, baseline=baseline)
    expected = (X - references(clf, X, baseline)[0]) * weights
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_every_baseline_costs_its_steps():
    row = METHODS["integrated_gradients"]
    assert row.cost(row.settings({"steps": 7})) == 7
    assert row.cost(row.settings({"steps": 7, "baseline": nets.oracle("baseline")})) == 7
    assert row.cost(row.settings({"steps": 7, "baseline": ["black", "noise", "noise"]})) == 21


def drawn(count, seed, pictures):
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand((count, 2), generator=generator, dtype=torch.float64)
    return pictures[(draws[:, 0] * len(pictures)).long()], draws[:, 1]


def test_a_linear_network_gets_weight_times_distance_from_the_drawn_mean(linear):
    clf, weights = linear
    given = {"baselines": PICTURES, "samples": 7, "seed": 3}
    found = explain(clf, X, 1, "expected_gradients", **given)
    origins, _ = drawn(7, 3, PICTURES)
    assert 1 < len(origins.unique(dim=0)) <= len(PICTURES)
    expected = (X - origins.mean(0)) * weights
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_usual_baselines_are_the_reference_set():
    clf = nets.classifier("VGGSmall")
    given = {"samples": 5, "seed": 1}
    found = explain(clf, X, 0, "expected_gradients", **given)
    pictures = reference_set(clf, 64, 0)
    assert torch.equal(found, explain(clf, X, 0, "expected_gradients", baselines=pictures, **given))


def test_the_usual_baselines_have_the_pictures_size():
    clf = nets.classifier("ResSmall")
    assert explain(clf, X[:, :, :20], 0, "expected_gradients", samples=2).shape == (2, 3, 20, 32)


def test_one_baseline_and_many_points_estimate_integrated_gradients(smooth):
    # Standard error of a mean of 1000 draws, from the draws of 20 parts of 50.
    baseline = nets.oracle("baseline")
    exact = explain(smooth, X, 3, "integrated_gradients", steps=40, baseline=baseline)
    parts = torch.stack(
        [
            explain(smooth, X, 3, "expected_gradients", baselines=baseline, samples=50, seed=seed)
            for seed in range(20)
        ]
    )
    error = (parts.mean(0) - exact).square().sum().sqrt()
    expected = (parts.var(0).sum() / 20).sqrt()
    assert 0 < error < 2 * expected


def test_complete_in_expectation(smooth):
    sums = torch.stack(
        [
            explain(smooth, X, 3, "expected_gradients", baselines=PICTURES, samples=50, seed=seed)
            for seed in range(20)
        ]
    ).sum((2, 3, 4))
    scores = smooth.logits(torch.cat([X, PICTURES]))[:, 3]
    change = scores[:2] - scores[2:].mean()
    spread = sums.std(0) / 20**0.5
    assert ((sums.mean(0) - change).abs() < 4 * spread).all()
    assert (spread < change.abs()).all()


def test_every_image_meets_the_same_draws():
    clf = nets.classifier("VGGSmall")
    twice = X[[0, 0]]
    found = explain(clf, twice, 2, "expected_gradients", baselines=PICTURES, samples=6)
    torch.testing.assert_close(found[0], found[1], rtol=1e-12, atol=1e-14)


def test_expected_gradients_of_each_pictures_own_blurred_copy_and_itself():
    clf = nets.classifier("VGGSmall")
    given = {"samples": 6, "seed": 5}
    found = explain(clf, X, [3, 1], "expected_gradients", baselines="blurred_and_original", **given)
    for image, target, row in zip(X, (3, 1), found, strict=True):
        pictures = torch.cat([blurred(image[None]), image[None]])
        expected = explain(
            clf, image[None], target, "expected_gradients", baselines=pictures, **given
        )
        assert expected.abs().max() > 0
        torch.testing.assert_close(row[None], expected, rtol=1e-11, atol=1e-14)
