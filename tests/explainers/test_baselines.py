"""The baselines, by hand."""

import math

import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.baselines import blurred, reference
from xai_core.explainers.path import gauss_legendre
from xai_core.models.classifier import Classifier

X = nets.oracle("x")


def classifier(mean=None, std=None):
    return Classifier(nets.load("ResSmall"), nets.CLASSES, nets.SIZE, mean, std)


def test_black_is_pixel_value_zero():
    clf = classifier((0.5, 0.25, 0.1), (0.25, 0.5, 0.2))
    black = reference(clf, X, "black")
    assert black[:, :, 0, 0].tolist() == [[-2.0, -0.5, -0.5]] * 2
    assert clf.pixels(black).abs().max() == 0


def test_black_is_zero_without_a_normalisation():
    assert torch.equal(reference(classifier(), X, "black"), torch.zeros_like(X))


def test_mean_is_each_images_own_colour():
    x = torch.zeros(2, 3, 2, 2, dtype=torch.float64)
    x[1, 2] = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    mean = reference(classifier(), x, "mean")
    assert mean.shape == x.shape
    assert mean[:, :, 1, 0].tolist() == [[0, 0, 0], [0, 0, 3]]


def test_the_blur_is_a_gaussian_of_fifteen_pixels():
    point = torch.zeros(1, 3, 31, 31, dtype=torch.float64)
    point[0, 1, 15, 15] = 1
    found = blurred(point)
    # sigma = 0.3 (7 - 1) + 0.8 = 2.6; one dimension's weights sum to one
    weights = [math.exp(-(k**2) / (2 * 2.6**2)) for k in range(-7, 8)]
    share = [w / math.fsum(weights) for w in weights]
    for row, column in ((15, 15), (8, 22), (12, 17)):
        expected = share[row - 8] * share[column - 8]
        assert found[0, 1, row, column].item() == pytest.approx(expected, rel=1e-12)
    assert found[0, 1, 15, 7] == 0
    assert found[0, [0, 2]].abs().max() == 0


def test_a_plain_picture_stays_plain_up_to_its_border():
    plain = torch.full((1, 3, 5, 9), 0.7, dtype=torch.float64)
    torch.testing.assert_close(blurred(plain), plain)


def test_one_tensor_serves_all_images_or_each_its_own():
    own = nets.oracle("baseline")
    assert torch.equal(reference(classifier(), X, own), own.expand_as(X))
    assert torch.equal(reference(classifier(), X, X.flip(0)), X.flip(0))


@pytest.mark.parametrize("method", ["deeplift", "integrated_gradients"])
def test_other_tensors_are_refused(method):
    for wrong in (X[:, :, :8], X[0], X.repeat(2, 1, 1, 1), X[:1, :1]):
        with pytest.raises(MethodError, match="baseline has the shape"):
            explain(classifier(), X, 0, method, baseline=wrong)
    with pytest.raises(MethodError, match="not finite"):
        explain(classifier(), X, 0, method, baseline=X * float("inf"))


def test_the_quadrature_is_exact_for_polynomials():
    # n nodes integrate x^k on [0, 1] exactly, 1 / (k + 1), for k up to 2n - 1
    for steps in (1, 2, 5, 50):
        nodes, weights = gauss_legendre(steps)
        for power in {0, 1, steps, 2 * steps - 1}:
            found = math.fsum(w * n**power for n, w in zip(nodes, weights, strict=True))
            assert found == pytest.approx(1 / (power + 1), rel=1e-12)


def test_integrated_gradients_are_complete_on_a_smooth_network():
    # Analytic, so that 40 nodes are exact to rounding.
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 5, stride=3), nn.Tanh(), nn.Flatten(), nn.Linear(400, 5))
    clf = Classifier(net.double(), nets.CLASSES, nets.SIZE)
    for baseline in ("black", "blurred", "mean", nets.oracle("baseline")):
        relevance = explain(clf, X, 3, "integrated_gradients", steps=40, baseline=baseline)
        change = (clf.logits(X) - clf.logits(reference(clf, X, baseline)))[:, 3]
        torch.testing.assert_close(relevance.sum((1, 2, 3)), change, rtol=0, atol=1e-9)
