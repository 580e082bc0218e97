"""DeepLIFT's completeness, layer by layer of what it has rules for, and what it refuses."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.explainers.completeness import assert_complete
from tests.networks import Counting, Net, Of, between
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import Panel, explain
from xai_core.models.classifier import Classifier

X = nets.oracle("x")[:, :, :12, :12]
ELEMENTWISE = [
    *(nn.CELU, nn.ELU, nn.GELU, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU, nn.Mish),
    *(nn.PReLU, nn.ReLU, nn.ReLU6, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Tanh),
    *(nn.LogSigmoid, nn.Softsign, nn.Tanhshrink),
]


@pytest.mark.parametrize("kind", ELEMENTWISE)
@pytest.mark.parametrize("baseline", ["black", "blurred", "mean"])
def test_complete_for_every_activation(kind, baseline):
    assert_complete("deeplift", between(kind()), X, [0, 2], baseline)


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
        assert_complete("deeplift", between(nn.ReLU(), pool, seed=seed), X, [1, 2], "blurred")


def test_branches_are_added_and_joined():
    def run(net, x):
        left, right = net.relu(net.left(x)), net.right(x) * 0.7
        return net.fc(torch.cat([left + right, left - right / 3], dim=1).mean((2, 3)))

    torch.manual_seed(0)
    sides = {"left": nn.Conv2d(3, 2, 3), "right": nn.Conv2d(3, 2, 3)}
    net = Net(run, **sides, relu=nn.ReLU(), fc=nn.Linear(4, 3)).double()
    assert_complete("deeplift", Classifier(net, ["a", "b", "c"], (12, 12)), X, [0, 1], "black")


def test_functions_have_the_rules_of_their_modules():
    """Functions in their place, and a reshape that knows the number of pictures."""

    def run(net, x):
        x = F.max_pool2d(F.gelu(net.conv(x)), 2)
        x = torch.max_pool2d(F.prelu(F.relu(x) - 0.2, net.slope), 3, 1, 1)
        x = F.adaptive_max_pool2d(F.avg_pool2d(x, 2, ceil_mode=True).tanh(), (2, 2))
        return net.fc(x.view(x.size(0), -1))

    torch.manual_seed(0)
    slope = nn.Parameter(torch.rand(6))
    net = Net(run, conv=nn.Conv2d(3, 6, 3), fc=nn.Linear(6 * 4, 3), slope=slope)
    clf = Classifier(net.double(), ["a", "b", "c"], (12, 12))
    assert_complete("deeplift", clf, X, [0, 2], "mean")


def test_methods_of_a_panel_share_the_pictures_run():
    clf = between(nn.ReLU(), Counting())
    with clf.lent() as twin:
        twin.module.body[2].sizes.clear()
    many = {"baselines": X, "chunk": 2}
    panel = Panel(clf, X, 0, {"deeplift": {}, "deeplift_rc": {}, "deepshap": many})
    for name in panel.methods:
        panel.explain(name)
    with clf.lent() as twin:
        # The pictures once, and the baselines for each method.
        assert len(twin.module.body[2].sizes) == 4


def test_a_step_that_mixes_the_pictures_is_refused():
    with pytest.raises(
        MethodError, match=r"tell the pictures apart in the step 'relu' in layer 'body\.1"
    ):
        explain(between(Of(lambda x: x.transpose(0, 1).relu().transpose(0, 1))), X, 0, "deeplift")


@pytest.mark.parametrize("dark", [lambda x: x.tanh() * 2, torch.sigmoid])
def test_other_steps_for_the_baseline_are_refused(dark):
    undecided = Of(lambda x: x.tanh() if x.mean() > 0 else dark(x))
    net = nn.Sequential(undecided, nn.Flatten(), nn.Linear(3 * 144, 2)).double()
    clf = Classifier(net, ["a", "b"], (12, 12))
    with pytest.raises(MethodError, match=r"takes other steps for the baseline.*saliency"):
        explain(clf, X.abs() + 1, 0, "deeplift", baseline=-X.abs() - 1)
