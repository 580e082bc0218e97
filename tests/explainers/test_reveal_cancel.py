"""DeepLIFT RevealCancel: what it was made for, its completeness, and its limits."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.explainers.completeness import assert_complete
from tests.networks import Of, between
from tests.reference import nets
from xai_core.explainers import explain
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
        assert_complete("deeplift_rc", between(*layers, seed=seed), X, [0, 2], "blurred")


def test_a_factor_behind_a_layer_acts_as_if_it_were_in_its_weights():
    factor = tensor([2, -3, 0.5, -1]).view(4, 1, 1)
    apart = between(Of(lambda x: x * factor - 0.25), nn.ReLU())
    folded = between(nn.ReLU())
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
    clf = between(nn.Tanh(), nn.MaxPool2d(2))
    with torch.no_grad():
        for parameter in clf.module.parameters():
            parameter.abs_()
    x = X.abs()
    torch.testing.assert_close(
        explain(clf, x, 1, "deeplift_rc"), explain(clf, x, 1, "deeplift"), rtol=1e-9, atol=1e-12
    )
