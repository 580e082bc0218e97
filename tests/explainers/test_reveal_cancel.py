"""DeepLIFT RevealCancel: what it was made for, its completeness, and its limits."""

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


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def one_pixel(first, second, bias=(0.0, 0.0)):
    """conv [2, 3], ReLU, linear [1, 2] on pictures of one pixel: [N, 3, 1, 1] -> [N, 1]."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2, 1)).double()
    with torch.no_grad():
        net[0].weight.copy_(tensor(first).view(2, 3, 1, 1))
        net[0].bias.copy_(tensor(bias))
        net[3].weight.copy_(tensor([second]))
        net[3].bias.zero_()
    return Classifier(net, ["only"], (1, 1))


def pixels(*values):
    return tensor(values).view(-1, 3, 1, 1)


MINIMUM = one_pixel([[1, 0, 0], [1, -1, 0]], [1, -1])  # i1 - ReLU(i1 - i2) for positive i1


def test_both_inputs_of_a_minimum_get_half_of_it():
    # The example of the paper's section 3.5.3 and S 4.3.2.
    x = pixels((3, 1, 0), (1, 3, 0), (2, 2, 7))
    torch.testing.assert_close(MINIMUM.logits(x), tensor([[1], [1], [2]]))
    found = explain(MINIMUM, x, 0, "deeplift_rc")
    expected = pixels((0.5, 0.5, 0), (0.5, 0.5, 0), (1, 1, 0))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


def test_rescale_gives_the_minimum_to_one_input():
    # i1 - (i1 - i2) = i2 where the ReLU is active, i1 - 0 where it is not.
    found = explain(MINIMUM, pixels((3, 1, 0), (1, 3, 0)), 0, "deeplift")
    torch.testing.assert_close(found, pixels((0, 1, 0), (1, 0, 0)), rtol=0, atol=1e-15)


def test_parts_that_cancel_are_led_on():
    # conv = R - G + 1/2 stays at 1/2 with the parts 1 and -1. Slopes of both parts:
    # 1/2 ((ReLU(3/2) - ReLU(1/2)) / 1 + (ReLU(1/2) - ReLU(-1/2)) / 1) = 3/4.
    clf = one_pixel([[1, -1, 0], [0, 0, 1]], [1, 0], bias=(0.5, 0.0))
    found = explain(clf, pixels((1, 1, 0)), 0, "deeplift_rc")
    torch.testing.assert_close(found, pixels((0.75, -0.75, 0)), rtol=0, atol=1e-15)


def test_an_input_without_change_takes_the_mean_of_both_parts_multipliers():
    # p = ReLU(R - G + 1/2) stays at 1/2, slopes 3/4 as above. Behind it s = p - B + 1/4 has the
    # parts 0 and -1 from B = 1: s0 = 3/4, s = -1/4. Slope of the negative part
    # (0 - 3/4) / -1 = 3/4, of the empty positive one 1/2 (1 + 0), its limit. p did not change,
    # so its multiplier is (3/4 + 1/2) / 2 = 5/8, and R and G get 3/4 5/8 = 15/32 and less that.
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 2, 1),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(2, 1, 1),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc=nn.Linear(1, 1),
        )
    ).double()
    with torch.no_grad():
        net.conv1.weight.copy_(tensor([[1, -1, 0], [0, 0, 1]]).view(2, 3, 1, 1))
        net.conv1.bias.copy_(tensor([0.5, 0]))
        net.conv2.weight.copy_(tensor([[1, -1]]).view(1, 2, 1, 1))
        net.conv2.bias.fill_(0.25)
        net.fc.weight.fill_(1)
    found = explain(Classifier(net, ["only"], (1, 1)), pixels((1, 1, 1)), 0, "deeplift_rc")
    expected = pixels((15 / 32, -15 / 32, -0.75))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-15)


def classifier(*layers, seed=0):
    """conv, the layers, conv, average, flatten, linear: [N, 3, 12, 12] -> [N, 3]."""
    torch.manual_seed(seed)
    body = nn.Sequential(
        nn.Conv2d(3, 4, 3), *layers, nn.Conv2d(4, 4, 3, padding=1), nn.AdaptiveAvgPool2d(2)
    )
    net = nn.Sequential(
        OrderedDict(body=body, flatten=nn.Flatten(), fc1=nn.Linear(16, 8), act=nn.ReLU())
    )
    net.append(nn.Linear(8, 3))
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.weight.normal_()
                layer.running_mean.normal_()
    return Classifier(net.double(), ["a", "b", "c"], (12, 12))


def assert_complete(clf, x, targets, baseline="blurred"):
    relevance = explain(clf, x, targets, "deeplift_rc", baseline=baseline)
    change = clf.logits(x) - clf.logits(reference(clf, x, baseline))
    wanted = change.gather(1, torch.tensor(targets)[:, None])[:, 0]
    assert wanted.abs().min() > 1e-4
    torch.testing.assert_close(relevance.sum((1, 2, 3)), wanted, rtol=0, atol=1e-12)


class Residual(nn.Module):
    """Every step that the rule was not made for: branches, constants, joins, a lone BatchNorm."""

    def __init__(self):
        super().__init__()
        self.norm, self.relu = nn.BatchNorm2d(4), nn.ReLU()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.register_buffer("factor", torch.linspace(-1, 1, 4).view(4, 1, 1))

    def forward(self, x):
        left = self.relu(self.norm(self.relu(x)))
        right = 0.3 - self.conv(left) * self.factor
        top, bottom = self.relu(right - x / 3).chunk(2, dim=1)
        return self.relu(torch.cat([left[:, 2:] + bottom, top - bottom], dim=1)) + x


@pytest.mark.parametrize(
    "layers",
    [
        [nn.ReLU()],
        [nn.ReLU6()],
        [nn.Tanh()],
        [nn.PReLU(4)],
        [nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)],
        [nn.MaxPool2d(3, stride=2, padding=1), nn.ReLU()],
        [nn.ReLU(), nn.AdaptiveMaxPool2d(5), nn.Sigmoid()],
        [nn.ReLU(), nn.AvgPool2d(2), nn.ReLU()],
        [nn.ReLU(), nn.ConstantPad2d(1, 0.3), nn.ReLU()],
        [nn.ReLU(), nn.BatchNorm2d(4), nn.ReLU()],
        [Residual(), nn.ReLU()],
        [Residual(), nn.MaxPool2d(2), Residual()],
    ],
    ids=lambda layers: "-".join(type(layer).__name__ for layer in layers),
)
def test_complete(layers):
    for seed in range(2):
        assert_complete(classifier(*layers, seed=seed), X, [0, 2])


@pytest.mark.parametrize("name", nets.NAMES)
@pytest.mark.parametrize("baseline", ["black", "mean"])
def test_complete_on_the_oracle_networks(name, baseline):
    clf = nets.classifier(name, (0.4,) * 3, (0.3,) * 3)
    assert_complete(clf, nets.oracle("x"), [0, 3], baseline)


def test_complete_in_float32_up_to_its_rounding():
    """A sum of n products is off by 4 sqrt(n) u of their absolute values, u = 2 ** -24.

    (Higham & Mary 2019, doi:10.1137/18M1226312, lambda = 4.) There are 7 layers with weights,
    forwards and back, of sums up to n = 144.
    """
    clf = nets.classifier("ResSmall", dtype=torch.float32)
    x = nets.oracle("x").float()
    relevance = explain(clf, x, 1, "deeplift_rc").flatten(1).double()
    change = (clf.logits(x) - clf.logits(torch.zeros_like(x)))[:, 1]
    rounding = 2 * 7 * 4 * 144**0.5 * 2**-24 * relevance.abs().sum(1)
    assert ((relevance.sum(1) - change).abs() <= rounding).all()
    assert (rounding <= 0.01 * relevance.abs().sum(1)).all()


class Scaled(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.register_buffer("factor", factor)

    def forward(self, x):
        return x * self.factor - 0.25


def test_a_factor_behind_a_layer_acts_as_if_it_were_in_its_weights():
    factor = tensor([2, -3, 0.5, -1]).view(4, 1, 1)
    apart = classifier(Scaled(factor), nn.ReLU())
    folded = classifier(nn.ReLU())
    with torch.no_grad():
        conv = folded.module.body[0]
        conv.weight.mul_(factor[..., None])
        conv.bias.mul_(factor[:, 0, 0]).sub_(0.25)
    torch.testing.assert_close(folded.logits(X), apart.logits(X))
    torch.testing.assert_close(
        explain(apart, X, 1, "deeplift_rc"), explain(folded, X, 1, "deeplift_rc")
    )


def test_equals_rescale_where_nothing_cancels():
    # All weights positive and the picture above its baseline: every negative part is zero.
    clf = classifier(nn.Tanh(), nn.MaxPool2d(2))
    with torch.no_grad():
        for parameter in clf.module.parameters():
            parameter.abs_()
    x = X.abs()
    torch.testing.assert_close(
        explain(clf, x, 1, "deeplift_rc"), explain(clf, x, 1, "deeplift"), rtol=1e-9, atol=1e-12
    )


def test_several_baselines_are_averaged():
    clf = classifier(nn.ReLU())
    several = explain(clf, X, 0, "deeplift_rc", baseline=["black", "mean"])
    single = [explain(clf, X, 0, "deeplift_rc", baseline=name) for name in ("black", "mean")]
    torch.testing.assert_close(several, (single[0] + single[1]) / 2)


def test_a_picture_that_is_its_own_baseline_gets_nothing():
    clf = classifier(nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    found = explain(clf, X[:1], 0, "deeplift_rc", baseline=X[:1])
    assert torch.equal(found, torch.zeros_like(found))


class Gate(nn.Module):
    def forward(self, x):
        return x * x.mean((2, 3), keepdim=True)


@pytest.mark.parametrize("layers", [[Gate(), nn.ReLU()], [nn.ReLU(), Gate()]])
def test_steps_without_a_rule_are_refused_by_name(layers):
    with pytest.raises(MethodError, match=r"'mul' in layer 'body\.\d'.*integrated_gradients"):
        explain(classifier(*layers), X, 0, "deeplift_rc")
