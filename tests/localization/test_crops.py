"""The saliency metric: numbers by hand, the literal formula, and what does not fit."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from tests.apem.tiny_networks import classifier, small_case, small_net
from tests.reference import localization as literal
from xai_core.errors import MethodError, ModelError
from xai_core.localization import saliency_metric


class Brightness(nn.Module):
    """The logits are the mean of all pixels, and 0."""

    def forward(self, x):
        score = x.mean((1, 2, 3))
        return torch.stack([score, torch.zeros_like(score)], 1)


def halves(side=4):
    """A picture whose left half is 2 and whose right half is 0."""
    x = torch.zeros(1, 3, side, side)
    x[..., : side // 2] = 2
    return x


def relevance(*places, side=4):
    map_ = torch.zeros(1, 1, side, side)
    for row, column, value in places:
        map_[0, 0, row, column] = value
    return map_


def test_the_metric_by_hand():
    clf, x = classifier(Brightness(), (4, 4)), halves()
    # The box of (0, 0) and (3, 1) is the left half: all pixels 2, p = 1/(1 + e^-2), area 1/2. What
    # is below a fifth of the maximum does not count.
    map_ = relevance((0, 0, 1.0), (3, 1, 0.2), (0, 3, 0.1))
    expected = math.log(1 / 2) + math.log1p(math.exp(-2))
    np.testing.assert_allclose(saliency_metric(clf, x, 0, map_), [expected], rtol=1e-6)
    # The other class has p = 1/(1 + e^2) there.
    expected = math.log(1 / 2) + math.log1p(math.exp(2))
    np.testing.assert_allclose(saliency_metric(clf, x, 1, map_), [expected], rtol=1e-6)
    # With all that is positive the box is the whole picture, of mean 1.
    expected = math.log1p(math.exp(-1))
    np.testing.assert_allclose(saliency_metric(clf, x, 0, map_, 0.0), [expected], rtol=1e-6)


def test_a_small_crop_counts_as_a_twentieth():
    # One of 36 pixels; enlarged it is 2 everywhere.
    clf, x = classifier(Brightness(), (6, 6)), halves(6)
    found = saliency_metric(clf, x, 0, relevance((2, 1, 1.0), side=6))
    np.testing.assert_allclose(found, [math.log(0.05) + math.log1p(math.exp(-2))], rtol=1e-6)


def test_channels_are_summed_and_the_positive_part_counts():
    clf, x = classifier(Brightness(), (4, 4)), halves()
    map_ = torch.cat([relevance((0, 0, 1.0), (3, 3, 1.0)), relevance((3, 3, -1.0))], 1)
    expected = math.log(1 / 16) + math.log1p(math.exp(-2))
    np.testing.assert_allclose(saliency_metric(clf, x, 0, map_), [expected], rtol=1e-6)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("outputs", ["softmax", "sigmoid"])
def test_the_metric_equals_the_literal_formula(channels, outputs):
    _, x, r = small_case(3, channels, zeros=0.9)
    clf = classifier(small_net(3), (6, 6), 3, outputs=outputs)
    found = saliency_metric(clf, x, [0, 1, 2], r, 0.5)
    expected = [literal.saliency_metric(clf, x[n : n + 1], n, r[n : n + 1], 0.5) for n in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_improbable_class_has_a_finite_score():
    clf, x = classifier(Brightness(), (4, 4)), 1000 * halves()
    # The logit of the first class is 2,000; e^-2000 is no float.
    found = saliency_metric(clf, x, 1, relevance((0, 0, 1.0)))
    np.testing.assert_allclose(found, [math.log(1 / 16) + 2000], rtol=1e-12)


def test_what_does_not_fit_is_refused():
    clf, x = classifier(Brightness(), (4, 4)), halves()
    good = relevance((0, 0, 1.0))
    for wrong in (good[0], good[..., :3], torch.cat([good, good]), good.numpy()):
        with pytest.raises(MethodError, match="The relevance must be"):
            saliency_metric(clf, x, 0, wrong)
    with pytest.raises(MethodError, match="not finite"):
        saliency_metric(clf, x, 0, good * torch.nan)
    with pytest.raises(MethodError, match="The input must be pictures"):
        saliency_metric(clf, x[0], 0, good)
    with pytest.raises(ModelError, match="no class 2"):
        saliency_metric(clf, x, 2, good)
    with pytest.raises(MethodError, match="'threshold' must"):
        saliency_metric(clf, x, 0, good, 2.0)


def test_scores_that_are_no_numbers_are_refused():
    class Overflowing(nn.Module):
        def forward(self, x):
            score = (x.mean((1, 2, 3)) - 1).relu() * 1e38 * 100
            return torch.stack([score, torch.zeros_like(score)], 1)

    clf, x = classifier(Overflowing(), (4, 4)), halves()
    with pytest.raises(ModelError, match="a crop scores that are not finite"):
        saliency_metric(clf, x, 0, relevance((0, 0, 1.0)))
