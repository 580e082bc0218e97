"""DeepLIFT's completeness, layer by layer of what it has rules for, and what it refuses."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import Panel, explain
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
    clf = nets.classifier(name, (0.4,) * 3, (0.3,) * 3)
    assert_complete(clf, nets.oracle("x"), "black", [0, 3])


def test_complete_in_float32_up_to_its_rounding():
    """A sum of n products is off by 4 sqrt(n) u of their absolute values, u = 2 ** -24.

    (Higham & Mary 2019, doi:10.1137/18M1226312, lambda = 4.) There are 6 layers with weights,
    forwards and back, of sums up to n = 1024.
    """
    clf = nets.classifier("VGGSmallBN", dtype=torch.float32)
    x = nets.oracle("x").float()
    relevance = explain(clf, x, 1, "deeplift").flatten(1).double()
    change = (clf.logits(x) - clf.logits(torch.zeros_like(x)))[:, 1]
    rounding = 2 * 6 * 4 * 1024**0.5 * 2**-24 * relevance.abs().sum(1)
    assert ((relevance.sum(1) - change).abs() <= rounding).all()
    assert (rounding <= 0.01 * relevance.abs().sum(1)).all()


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


class Functional(nn.Module):
    """Functions in the place of modules, and a reshape that knows the number of pictures."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 6, 3), nn.Linear(6 * 4, 3)
        self.slope = nn.Parameter(torch.rand(6))

    def forward(self, x):
        x = F.max_pool2d(F.gelu(self.conv(x)), 2)
        x = torch.max_pool2d(F.prelu(F.relu(x) - 0.2, self.slope), 3, 1, 1)
        x = F.adaptive_max_pool2d(F.avg_pool2d(x, 2, ceil_mode=True).tanh(), (2, 2))
        return self.fc(x.view(x.size(0), -1))


def test_functions_have_the_rules_of_their_modules():
    torch.manual_seed(0)
    assert_complete(Classifier(Functional().double(), ["a", "b", "c"], (12, 12)), X, "mean", [0, 2])


def test_several_baselines_are_averaged():
    clf, noise = classifier(nn.ReLU(), nn.MaxPool2d(2)), X.flip(0, 3)
    single = [explain(clf, X, 1, "deeplift", baseline=b) for b in ("black", noise)]
    several = explain(clf, X, 1, "deeplift", baseline=["black", noise])
    torch.testing.assert_close(several, (single[0] + single[1]) / 2)


def test_a_baseline_of_another_size_is_refused():
    with pytest.raises(MethodError, match=r"The baseline has the shape \[1, 3, 11, 12\]"):
        explain(classifier(nn.ReLU()), X, 0, "deeplift", baseline=X[:1, :, 1:])


def test_is_a_base_of_smoothgrad():
    clf, baseline = classifier(nn.ReLU(), nn.MaxPool2d(2)), X.flip(0)
    found = explain(
        clf, X, 1, "smoothgrad", base="deeplift", baseline=baseline, samples=2, sigma=0.0
    )
    torch.testing.assert_close(found, explain(clf, X, 1, "deeplift", baseline=baseline))


class Counting(nn.Module):
    """Passes its input on and counts how often."""

    def __init__(self):
        super().__init__()
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        return x * 1


def test_methods_of_a_panel_share_the_pictures_run():
    clf = classifier(nn.ReLU(), Counting())
    with clf.lent() as twin:
        twin.module.body[2].runs = 0
    many = {"baselines": X, "chunk": 2}
    panel = Panel(clf, X, 0, {"deeplift": {}, "deeplift_rc": {}, "deepshap": many})
    for name in panel.methods:
        panel.explain(name)
    with clf.lent() as twin:
        # The pictures once, and the baselines for each method.
        assert twin.module.body[2].runs == 4


class Crossed(nn.Module):
    """The first axis is the channels when the ReLU runs."""

    def forward(self, x):
        return x.transpose(0, 1).relu().transpose(0, 1)


class Undecided(nn.Module):
    """One step for bright pictures, others for dark ones."""

    def __init__(self, dark):
        super().__init__()
        self.dark = dark

    def forward(self, x):
        return x.tanh() if x.mean() > 0 else self.dark(x)


def test_a_step_that_mixes_the_pictures_is_refused():
    with pytest.raises(
        MethodError, match=r"tell the pictures apart in the step 'relu' in layer 'body\.1"
    ):
        explain(classifier(Crossed()), X, 0, "deeplift")


@pytest.mark.parametrize("dark", [lambda x: x.tanh() * 2, torch.sigmoid])
def test_other_steps_for_the_baseline_are_refused(dark):
    net = nn.Sequential(Undecided(dark), nn.Flatten(), nn.Linear(3 * 144, 2)).double()
    clf = Classifier(net, ["a", "b"], (12, 12))
    with pytest.raises(MethodError, match=r"takes other steps for the baseline.*saliency"):
        explain(clf, X.abs() + 1, 0, "deeplift", baseline=-X.abs() - 1)


class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


class Attention(nn.Module):
    def forward(self, x):
        return x @ x.transpose(2, 3)


@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (Gate(), "mul"),
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
