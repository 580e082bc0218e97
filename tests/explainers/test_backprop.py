"""Other ways back through the ReLUs: what they have in common with each other and with autograd."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.explainers import explain
from xai_core.models.classifier import Classifier

X = nets.oracle("x")


def weighing(weights, activation):
    """f_0 = weights . activation(R) of a picture of as many pixels in one row."""
    net = nn.Sequential(
        nn.Conv2d(3, 1, 1, bias=False), activation, nn.Flatten(), nn.Linear(len(weights), 2)
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[[[1.0]], [[0]], [[0]]]]))
        net[3].weight[0] = weights
    return Classifier(net, ["a", "b"], (1, len(weights)))


def reds(values):
    """Pictures of one row with these reds [N, W], and no green and blue."""
    x = torch.zeros(len(values), 3, 1, values.shape[1], dtype=torch.float64)
    x[:, 0, 0] = values
    return x


# RectGrad


@pytest.mark.parametrize("q", [0, 1, 10, 33.3, 50, 75, 90, 98, 99.9, 100])
@pytest.mark.parametrize("count", [2, 7, 100, 101, 1000])
def test_what_exceeds_the_percentile_passes(q, count):
    generator = torch.Generator().manual_seed(count)
    values = torch.rand((2, count), generator=generator, dtype=torch.float64) + 0.1
    weights = torch.randn(count, generator=generator, dtype=torch.float64)
    found = explain(weighing(weights, nn.ReLU()), reds(values), 0, "rectgrad", q=q)
    # Importance and input times gradient are the same here.
    importance = (values * weights).numpy()
    thresholds = np.percentile(importance, q, axis=1, keepdims=True)
    expected = np.where((importance > thresholds) & (importance > 0), importance, 0)
    np.testing.assert_allclose(found[:, 0, 0].numpy(), expected, rtol=1e-14)
    # Each picture has a threshold of its own: about (100 - q) % pass.
    passed = (importance > thresholds).sum(1)
    assert (np.abs(passed - (100 - q) / 100 * count) <= 1).all()


def test_equal_importance_passes_together_or_not_at_all():
    # Importance 1, 1, 1, 2: the 50th percentile is 1, which 2 alone exceeds; the 80th is 1.4.
    clf = weighing(torch.ones(4, dtype=torch.float64), nn.ReLU())
    x = reds(torch.tensor([[1.0, 1, 1, 2]], dtype=torch.float64))
    for q in (0, 50, 80):
        assert explain(clf, x, 0, "rectgrad", q=q)[0, 0, 0].tolist() == [0, 0, 0, 2]


@pytest.mark.parametrize("name", nets.NAMES)
def test_a_threshold_of_zero_leaves_what_guided_backpropagation_leaves(name):
    # The importance is a g, and a >= 0: a g > 0 where the ReLU is active and g positive. Both
    # signs of g, and inactive units between them, occur in every layer, so there is a q for
    # which the threshold of the last ReLU is 0; with a network of that ReLU alone it is the
    # only one.
    net = nets.load(name)
    relus = [key for key, child in net.named_modules() if isinstance(child, nn.ReLU)]
    with torch.no_grad():
        for key in relus[:-1]:  # the others become the identity
            parent = net.get_submodule(key.rpartition(".")[0])
            setattr(parent, key.rpartition(".")[2], nn.Identity())
    clf = Classifier(net, nets.CLASSES, nets.SIZE)
    guided = (X * explain(clf, X, 2, "guided_backprop")).clamp(min=0)
    assert guided.any()
    shares = []
    layer = net.get_submodule(relus[-1])
    handle = layer.register_forward_hook(lambda _, __, out: shares.append((out == 0).double()))
    net(X)
    handle.remove()
    slope = nets_slope(net, relus[-1], 2)
    below = ((slope < 0) & (shares[0] == 0)).flatten(1).double().mean(1)
    q = 100 * (below + shares[0].flatten(1).mean(1) / 2)
    found = [explain(clf, X[i : i + 1], 2, "rectgrad", q=q[i].item()) for i in range(2)]
    torch.testing.assert_close(torch.cat(found), guided, rtol=1e-12, atol=1e-14)


def nets_slope(net, layer, target):
    """Gradient of a logit at a layer's output."""
    kept = []
    handle = net.get_submodule(layer).register_forward_hook(lambda _, __, out: kept.append(out))
    scores = net(X)[:, target]
    handle.remove()
    (slope,) = torch.autograd.grad(scores.sum(), kept)
    return slope


@pytest.mark.parametrize("name", nets.NAMES)
def test_the_more_is_cut_the_fewer_units_are_left_of_a_layer(name):
    clf = nets.classifier(name)
    left = [(explain(clf, X, 1, "rectgrad", q=q) > 0).sum().item() for q in (0, 99.9, 100)]
    assert left[0] > left[1] > left[2] == 0


# ReLU6


@pytest.mark.parametrize("method", ["guided_backprop", "rectgrad"])
def test_relu6_is_inactive_at_its_ends_as_in_autograd(method):
    values = torch.tensor([[0.0, 3.0, 6.0, 7.0]], dtype=torch.float64)
    clf = weighing(torch.tensor([1.0, 2, 3, 4], dtype=torch.float64), nn.ReLU6())
    x = reds(values)
    gradient = explain(clf, x, 0, "saliency")[0, 0, 0].tolist()
    assert gradient == [0, 2, 0, 0]
    if method == "guided_backprop":
        assert explain(clf, x, 0, method)[0, 0, 0].tolist() == gradient
    else:
        # RectGrad looks at the importance 0, 6, 18, 24 alone; above the median are 18 and 24.
        assert explain(clf, x, 0, method, q=50)[0, 0, 0].tolist() == [0, 0, 18, 28]


# Guided backpropagation and DeconvNet


def test_without_negative_weights_all_are_the_gradient():
    # Every signal is positive and, on a positive picture, every ReLU active.
    net = nets.load("VGGSmall")
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    clf, x = Classifier(net, nets.CLASSES, nets.SIZE), X.abs()
    gradient = explain(clf, x, 3)
    for method in ("guided_backprop", "deconvnet"):
        torch.testing.assert_close(explain(clf, x, 3, method), gradient, rtol=1e-12, atol=0)


def test_guided_backpropagation_of_a_single_relu_is_the_positive_signal_of_the_gradient():
    generator = torch.Generator().manual_seed(0)
    values, weights = torch.randn((2, 50), generator=generator, dtype=torch.float64)
    clf, x = weighing(weights, nn.ReLU()), reds(values[None])
    gradient = explain(clf, x, 0)
    guided = explain(clf, x, 0, "guided_backprop")
    assert torch.equal(guided, gradient.clamp(min=0))
    deconvnet = explain(clf, x, 0, "deconvnet")[0, 0, 0]
    assert torch.equal(deconvnet, weights.clamp(min=0))
