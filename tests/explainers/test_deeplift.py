"""DeepLIFT's completeness, layer by layer of what it has rules for, and what it refuses."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.baselines import reference
from xai_core.models.classifier import Classifier

X = nets.oracle("x")[:, :, :12, :12]
ELEMENTWISE = [
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU, nn.Mish),
    *(nn.PReLU, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh),
    *(nn.LogSigmoid, nn.Softsign, nn.Tanhshrink),
]


def classifier(*layers, seed=0):
    """conv, the layers, flatten, linear: [N, 3, 12, 12] -> [N, 3]."""
    torch.manual_seed(seed)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3), *layers, nn.Conv2d(4, 4, 3, padding=1), nn.AdaptiveAvgPool2d(2)
    )
    net = nn.Sequential(OrderedDict(body=body, flatten=nn.Flatten(), fc=nn.Linear(16, 3))).double()
    return Classifier(net, ["a", "b", "c"], (12, 12))


def assert_complete(clf, x, baseline, targets):
    relevance = explain(clf, x, targets, "deeplift", baseline=baseline)
    change = clf.logits(x) - clf.logits(reference(clf, x, baseline))
    wanted = change.gather(1, torch.tensor(targets)[:, None])[:, 0]
    assert wanted.abs().min() > 1e-4
    torch.testing.assert_close(relevance.sum((1, 2, 3)), wanted, rtol=0, atol=1e-9)


@pytest.mark.parametrize("kind", ELEMENTWISE)
@pytest.mark.parametrize("baseline", ["black", "blurred", "mean"])
def test_complete_for_every_activation(kind, baseline):
    assert_complete(classifier(kind()), X, baseline, [0, 2])


@pytest.mark.parametrize(
    "pool",
    [
        nn.MaxPool2d(2),
        nn.MaxPool2d(3, stride=2, padding=1),
        nn.MaxPool2d(3, stride=1),
        nn.MaxPool2d(2, dilation=2),
        nn.MaxPool2d(3, stride=2, ceil_mode=True),
        nn.AdaptiveMaxPool2d(3),
        nn.AvgPool2d(2),
        nn.BatchNorm2d(4),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Dropout(0.5),
        nn.ConstantPad2d(1, 0.3),
    ],
    ids=str,
)
def test_complete_behind_a_relu_that_feeds(pool):
    for seed in range(3):
        assert_complete(classifier(nn.ReLU(), pool, seed=seed), X, "blurred", [1, 2])


@pytest.mark.parametrize("name", nets.NAMES)
def test_complete_on_the_oracle_networks(name):
    clf = Classifier(nets.load(name), nets.CLASSES, nets.SIZE, (0.4,) * 3, (0.3,) * 3)
    assert_complete(clf, nets.oracle("x"), "black", [0, 3])


def test_complete_in_float32_up_to_its_rounding():
    clf = Classifier(nets.load("VGGSmallBN").float(), nets.CLASSES, nets.SIZE)
    x = nets.oracle("x").float()
    relevance = explain(clf, x, 1, "deeplift").sum((1, 2, 3))
    change = (clf.logits(x) - clf.logits(torch.zeros_like(x)))[:, 1]
    torch.testing.assert_close(relevance, change, rtol=1e-4, atol=1e-4)


def test_a_picture_that_is_its_own_baseline_gets_nothing():
    relevance = explain(
        classifier(nn.ReLU(), nn.MaxPool2d(2)), X[:1], 0, "deeplift", baseline=X[:1]
    )
    assert torch.equal(relevance, torch.zeros_like(relevance))


def test_branches_are_added_and_joined():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3)
            self.relu = nn.ReLU()
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            left, right = self.relu(self.left(x)), self.right(x) * 0.7
            return self.fc(torch.cat([left + right, left - right / 3], dim=1).mean((2, 3)))

    torch.manual_seed(0)
    assert_complete(Classifier(Branches().double(), ["a", "b", "c"], (12, 12)), X, "black", [0, 1])


class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


class Share(nn.Module):
    def forward(self, x):
        return (3 + x.tanh()).reciprocal()


class Attention(nn.Module):
    def forward(self, x):
        return x @ x.transpose(2, 3)


@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (Gate(), "mul"),
        (Share(), "reciprocal"),
        (Attention(), "matmul"),
        (nn.Softmax(1), "softmax"),
        (nn.GroupNorm(2, 4), "group_norm"),
        (nn.InstanceNorm2d(4), "instance_norm"),
        (nn.LPPool2d(2, 2), "lp_pool2d"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_steps_without_a_rule_are_refused_by_name(layer, step):
    with pytest.raises(MethodError, match=rf"'{step}' in layer 'body\.1'.*integrated_gradients"):
        explain(classifier(layer), X, 0, "deeplift")
