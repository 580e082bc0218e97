"""The baselines, by hand."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.baselines import (
    blurred,
    random_square,
    reference_set,
    references,
)
from xai_core.explainers.path import gauss_legendre
from xai_core.models.classifier import Classifier

X = nets.oracle("x")


def classifier(mean=None, std=None):
    return nets.classifier("ResSmall", mean, std)


def test_black_is_pixel_value_zero():
    clf = classifier((0.5, 0.25, 0.1), (0.25, 0.5, 0.2))
    black = references(clf, X, "black")[0]
    assert black[:, :, 0, 0].tolist() == [[-2.0, -0.5, -0.5]] * 2
    assert clf.pixels(black).abs().max() == 0


def test_black_is_zero_without_a_normalisation():
    assert torch.equal(references(classifier(), X, "black")[0], torch.zeros_like(X))


def test_mean_is_each_images_own_colour():
    x = torch.zeros(2, 3, 2, 2, dtype=torch.float64)
    x[1, 2] = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    mean = references(classifier(), x, "mean")[0]
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
    assert torch.equal(references(classifier(), X, own)[0], own.expand_as(X))
    assert torch.equal(references(classifier(), X, X.flip(0))[0], X.flip(0))


def test_noise_is_uniform_in_pixels_and_the_same_for_every_image():
    clf = classifier((0.5, 0.25, 0.1), (0.25, 0.5, 0.2))
    noise = references(clf, X, "noise")[0]
    assert torch.equal(noise[0], noise[1])
    pixels = clf.pixels(noise[0])
    generator = torch.Generator().manual_seed(0)
    expected = torch.rand(pixels.shape, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(pixels, expected, rtol=0, atol=1e-15)
    in_float32 = references(clf, X.float(), "noise")[0]
    torch.testing.assert_close(in_float32, noise.float())


def test_several_baselines_come_one_by_one_and_noises_differ():
    clf = classifier()
    own = nets.oracle("baseline")
    found = references(clf, X, ["noise", "black", own, "noise", "mean"])
    assert [one.shape for one in found] == [X.shape] * 5
    for one, name in ((0, "noise"), (1, "black"), (2, own), (4, "mean")):
        assert torch.equal(found[one], references(clf, X, name)[0])
    second = torch.rand(X.shape[1:], generator=torch.Generator().manual_seed(1), dtype=X.dtype)
    assert torch.equal(found[3][0], second)
    assert [one.tolist() for one in references(clf, X, "mean")] == [found[4].tolist()]


def test_the_reference_set_is_cut_from_the_sample_pictures():
    clf = Classifier(
        nets.load("VGGSmall"), nets.CLASSES, nets.SIZE, (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
    )
    found = reference_set(clf, 10, seed=4)
    assert found.shape == (10, 3, 32, 32)
    assert found.dtype == torch.float64
    assert len(found.unique(dim=0)) == 10
    eight_bits = clf.pixels(found) * 255
    torch.testing.assert_close(eight_bits, eight_bits.round(), rtol=0, atol=1e-10)
    assert eight_bits.min() > -1e-9
    assert eight_bits.max() < 255 + 1e-9
    assert torch.equal(found, reference_set(clf, 10, seed=4))
    assert torch.equal(found[:3], reference_set(clf, 3, seed=4))
    assert not torch.equal(found, reference_set(clf, 10, seed=5))
    assert reference_set(clf, 2, 0, (20, 12)).shape == (2, 3, 20, 12)


def test_the_reference_set_is_of_the_models_type():
    half, full = (
        nets.classifier("VGGSmall", dtype=dtype) for dtype in (torch.float32, torch.float64)
    )
    found = reference_set(half, 3, 0)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, reference_set(full, 3, 0).float())


def test_a_random_square_is_half_of_the_shorter_side_at_least_and_may_be_mirrored():
    # Columns 0 ... 99 have their number as grey value, so that a square tells where it was cut.
    picture = Image.fromarray(np.tile(np.arange(100, dtype=np.uint8), (40, 1))).convert("RGB")
    generator = torch.Generator().manual_seed(0)
    squares = [np.asarray(random_square(picture, generator))[0, :, 0] for _ in range(400)]
    sides = [len(columns) for columns in squares]
    assert (min(sides), max(sides)) == (20, 40)
    steps = [set(np.diff(columns.astype(int))) for columns in squares]
    assert {frozenset(step) for step in steps} == {frozenset({1}), frozenset({-1})}
    mirrored = sum(step == {-1} for step in steps)
    assert mirrored == pytest.approx(200, abs=4 * 10)  # a binomial deviation is 10
    assert min(columns.min() for columns in squares) == 0
    assert max(columns.max() for columns in squares) == 99


@pytest.mark.parametrize("method", ["deeplift", "integrated_gradients"])
def test_other_tensors_are_refused(method):
    shapes = (X[:, :, :8], X[0], X.repeat(2, 1, 1, 1), X[:1, :1])
    for wrong in (*shapes, ["black", X[0]]):
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
    for baseline in ("black", "blurred", "mean", "noise", nets.oracle("baseline")):
        relevance = explain(clf, X, 3, "integrated_gradients", steps=40, baseline=baseline)
        change = (clf.logits(X) - clf.logits(references(clf, X, baseline)[0]))[:, 3]
        torch.testing.assert_close(relevance.sum((1, 2, 3)), change, rtol=0, atol=1e-9)
