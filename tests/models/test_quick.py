"""The quick form of a network: the same scores and slopes, and never of other weights."""

import pytest
import torch
import torch.nn.functional as F
from timm.layers import BatchNormAct2d
from torch import nn

from tests.networks import Net
from xai_core.explainers import explain
from xai_core.models import Classifier, load_classifier

EPS = torch.finfo(torch.float64).eps


def norm(channels, kind=nn.BatchNorm2d):
    """A BatchNorm that has seen something."""
    made = kind(channels).double()
    for tensor in (made.weight, made.bias, made.running_mean):
        nn.init.normal_(tensor)
    nn.init.uniform_(made.running_var, 0.5, 2)
    return made


def plain(net, x):
    x = F.relu(net.bn1(net.conv1(x)))
    x = net.bn2(net.conv2(x))
    return net.fc(F.relu(x).mean((2, 3)))


def read_twice(net, x):
    """The convolution's output goes elsewhere too, so that the BatchNorm is not a part of it."""
    a = net.conv1(x)
    x = net.bn2(net.conv2(F.relu(net.bn1(a))))
    return net.fc((F.relu(x).mean((2, 3))) + a.mean((2, 3)))


def run_twice(net, x):
    x = F.relu(net.bn1(net.conv1(x)))
    x = net.bn2(net.conv2(x))
    x = net.bn2(net.conv2(F.relu(x)))
    return net.fc(x.mean((2, 3)))


def inside(net, x):
    """What is read of a BatchNorm is no longer there when it has become a part."""
    return plain(net, x) * net.bn2.weight.sum()


def classifier(run, kind=nn.BatchNorm2d, **options):
    torch.manual_seed(0)
    layers = {
        "conv1": nn.Conv2d(3, 4, 3, bias=False),
        "bn1": norm(4, kind),
        "conv2": nn.Conv2d(4, 4, 3, **options),
        "bn2": norm(4, kind),
        "fc": nn.Linear(4, 5),
    }
    return Classifier(Net(run, **layers).double(), list("abcde"), (12, 12))


def slopes(logits, x):
    leaf = x.clone().requires_grad_()
    scores = logits(leaf)
    return scores.detach(), torch.autograd.grad(scores[:, 1].sum(), leaf)[0]


@pytest.mark.parametrize(
    ("run", "kind", "norms"),
    [
        (plain, nn.BatchNorm2d, 0),
        (plain, BatchNormAct2d, 0),
        (read_twice, nn.BatchNorm2d, 2),
        (run_twice, nn.BatchNorm2d, 1),
        (inside, nn.BatchNorm2d, 2),
    ],
)
def test_scores_and_slopes_are_those_of_the_network(run, kind, norms):
    clf = classifier(run, kind)
    x = torch.rand(3, 3, 12, 12, dtype=torch.float64)
    before = {name: tensor.clone() for name, tensor in clf.module.state_dict().items()}
    logits = clf.quick_logits()
    assert all(torch.equal(before[name], now) for name, now in clf.module.state_dict().items())
    left = [m for m in clf._quick.network().modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(left) == norms
    # A few hundred roundings of numbers that are not much larger than their sum.
    for found, wanted in zip(slopes(logits, x), slopes(clf.logits, x), strict=True):
        assert torch.allclose(found, wanted, rtol=0, atol=1000 * EPS * float(wanted.abs().max()))


def test_weights_are_those_of_now():
    clf = classifier(plain)
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    clf.quick_logits()
    clf.module.conv1.weight.data.mul_(2)
    clf.module.bn2.running_var.data.mul_(3)
    clf.module.fc.weight.data.add_(1)
    assert torch.allclose(clf.quick_logits()(x), clf.logits(x), atol=1e-12)
    clf.module.fc.weight = nn.Parameter(torch.ones_like(clf.module.fc.weight))
    assert torch.allclose(clf.quick_logits()(x), clf.logits(x), atol=1e-12)
    twin = clf.private()
    twin.module.conv2.weight = nn.Parameter(torch.ones_like(twin.module.conv2.weight))
    assert torch.allclose(twin.quick_logits()(x), twin.logits(x), atol=1e-12)


def test_weights_that_are_computed_stay_as_they_are():
    clf = classifier(plain)
    clf.module.conv1 = nn.utils.parametrizations.weight_norm(clf.module.conv1)
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    found = clf.quick_logits()(x)
    assert torch.allclose(found, clf.logits(x), atol=1e-12)


def test_the_embedded_network_has_no_batchnorm_left():
    clf = load_classifier("efficientnet-lite0")
    logits = clf.quick_logits()
    assert not [m for m in clf._quick.network().modules() if isinstance(m, nn.BatchNorm2d)]
    x = torch.rand(1, 3, 224, 224)
    wanted = clf.logits(x)
    # Each of some 150 layers rounds once: 150 times 6e-8 of numbers as large as the largest.
    assert torch.allclose(logits(x), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))


def test_a_mean_of_slopes_is_the_mean_of_saliencies():
    clf = classifier(plain)
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    found = explain(clf, x, 1, "smoothgrad", samples=2, sigma=0.0)
    wanted = explain(clf, x, 1, "saliency")
    assert torch.allclose(found, wanted, rtol=0, atol=1000 * EPS * float(wanted.abs().max()))
