"""Excitation backprop: where it starts and stops, and which layers it accepts."""

import pytest
import torch
from torch import nn

from tests.explainers.scaled_down import drawn, small
from tests.reference import nets
from xai_core.explainers import explain
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
METHOD = pytest.mark.parametrize("method", ["excitation_backprop", "cmwp"])


@pytest.mark.parametrize("name", ["VGGSmall", "VGGSmallBN"])
def test_probabilities_sum_to_one(name):
    clf = nets.classifier(name)
    for layer in (clf.cam_layer, nets.LAST_RELU[name], clf.layers()[0]):
        found = explain(clf, X, [1, 3], "excitation_backprop", layer=layer)
        assert found.min() >= 0
        torch.testing.assert_close(
            found.sum((1, 2, 3)), torch.ones(2, dtype=torch.float64), rtol=1e-9, atol=0
        )


def test_a_folded_convolution_stands_for_its_batchnorm():
    clf = nets.classifier("VGGSmallBN")
    at = {
        layer: explain(clf, X, 1, "excitation_backprop", layer=layer)
        for layer in ("conv2", "bn2", "relu2")
    }
    assert torch.equal(at["conv2"], at["bn2"])
    assert torch.equal(at["conv2"], at["relu2"])


def test_a_class_that_nothing_speaks_against_has_no_opposite():
    """All weights of class 0 are positive, those of class 1 negative."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    net = drawn(net)
    with torch.no_grad():
        net[3].weight[0].abs_()
        net[3].weight[1].abs_().neg_()
    clf = Classifier(net, ["for", "against"], (6, 6))
    x = X[:, :, :6, :6]
    assert torch.equal(explain(clf, x, 0, "cmwp"), explain(clf, x, 0, "excitation_backprop"))
    assert explain(clf, x, 1, "cmwp").abs().max() == 0


@METHOD
@pytest.mark.parametrize("name", ["resnet", "densenet", "inception", "mobilenet", "shufflenet"])
def test_works_on(name, method):
    clf, x = small(name)
    found = explain(clf, x, [2, 0], method, layer=clf.layers()[0])
    assert found.shape[:2] == (2, 1)
    assert found.abs().max() > 0
