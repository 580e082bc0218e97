"""FullGrad: the parts add up to the logit, and are those of the authors' code."""

import json

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from tests.networks import Net, normal, pictures
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.fullgrad import fullgrad_terms
from xai_core.models.classifier import Classifier

MANIFEST = json.loads((nets.ORACLES / "manifest.json").read_text())
TARGETS = torch.tensor([2, 0])


def classifier(net, size=(64, 64), spread=0.3):
    net = normal(net, spread, torch.Generator().manual_seed(5))
    return Classifier(net, ["a", "b", "c"], size)


def check_completeness(clf, x):
    """The parts add up to the logit; returns them."""
    terms = fullgrad_terms(clf, x, TARGETS)
    total = sum(term.flatten(1).sum(1) for _, term in terms)
    logits = clf.logits(x).gather(1, TARGETS[:, None])[:, 0]
    size = max(term.abs().sum().item() for _, term in terms)
    torch.testing.assert_close(total, logits, rtol=0, atol=1e-12 * size)
    assert size < 1e6 * logits.abs().max()
    return terms


@pytest.mark.parametrize("name", nets.NAMES)
def test_the_parts_are_those_of_the_authors_code(name):
    clf = nets.classifier(name)
    x, targets = nets.oracle("x"), nets.oracle(f"{name}/targets")
    terms = fullgrad_terms(clf, x, targets)
    row = MANIFEST[f"{name}/fullgrad_terms"]
    assert [layer for layer, _ in terms] == row["parameters"]["layers"]
    expected = nets.oracle(f"{name}/fullgrad_terms")
    found = torch.stack([term.flatten(1).sum(1) for _, term in terms], 1)
    assert (found - expected).abs().max() / expected.abs().max() <= row["rtol"]
    torch.testing.assert_close(
        found.sum(1), clf.logits(x).gather(1, targets[:, None])[:, 0], rtol=1e-12, atol=1e-12
    )


@pytest.mark.parametrize(
    "net",
    [
        lambda: models.DenseNet(4, (2, 2), 8, num_classes=3),
        lambda: models.MobileNetV2(3, 0.1),
        lambda: models.googlenet(num_classes=3, init_weights=False, transform_input=True),
        lambda: models.resnet18(num_classes=3),
        lambda: models.shufflenet_v2_x0_5(num_classes=3),
    ],
)
def test_the_parts_add_up_to_the_logit(net):
    check_completeness(classifier(net()), pictures(64, 64))


@pytest.mark.parametrize(
    "activation",
    [nn.ReLU6(), nn.LeakyReLU(), nn.ELU(), nn.SiLU(), nn.GELU(), nn.Hardswish(), nn.Sigmoid()],
)
def test_activations_have_implicit_biases(activation):
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), activation, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    clf = classifier(net, (8, 8), spread=3)
    terms = dict(check_completeness(clf, pictures(8, 8)))
    homogeneous = isinstance(activation, nn.LeakyReLU)  # f(a) = a f'(a)
    assert bool(terms["1"].any()) != homogeneous


def test_relu6_adds_its_ceiling_where_it_is_reached():
    # conv = 10 R: (-10, 10, 5, 0), ReLU6 (0, 6, 5, 0), f_0 = (1, 2, 3, -4) . (0, 6, 5, 0) = 27:
    # 15 of the third pixel and the second's 6 * 2, which does not depend on the picture.
    net = nn.Sequential(
        nn.Conv2d(3, 1, 1, bias=False), nn.ReLU6(), nn.Flatten(), nn.Linear(4, 3, bias=False)
    ).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[[[10.0]], [[0]], [[0]]]]))
        net[3].weight.copy_(torch.tensor([[1.0, 2, 3, -4], [0, 0, 0, 0], [0, 0, 0, 0]]))
    x = torch.zeros(1, 3, 2, 2, dtype=torch.float64)
    x[0, 0] = torch.tensor([[-1, 1], [0.5, 0]])
    clf = Classifier(net, ["a", "b", "c"], (2, 2))
    terms = dict(fullgrad_terms(clf, x, torch.tensor([0])))
    assert terms["input"][0, 0].tolist() == [[0, 0], [15, 0]]
    assert terms["1"][0, 0].tolist() == [[0, 12], [0, 0]]
    assert list(terms) == ["input", "1"]


def test_constants_are_biases_too():
    def shifted_padded_and_joined(net, x):
        x = F.pad((x - 0.5) / 0.25, (1, 1, 1, 1), value=1.0)
        x = torch.cat([x, torch.full_like(x[:, :1], 2.0)], 1)
        return net.fc(net.conv(x).relu().mean((2, 3)))

    layers = {"conv": nn.Conv2d(4, 3, 3), "fc": nn.Linear(3, 3, bias=False)}
    net = Net(shifted_padded_and_joined, **layers)
    terms = check_completeness(classifier(net, (8, 8)), pictures(8, 8))
    # The shift, the padding, the joined map, and the convolution's own.
    assert [layer for layer, _ in terms] == ["input", "", "", "", "conv"]


@pytest.mark.parametrize(
    ("net", "step"),
    [
        (
            # A map times what is squeezed out of it.
            lambda: Net(
                lambda net, x: net.fc((net.conv(x) * x.mean((1, 2, 3), True)).mean((2, 3))),
                conv=nn.Conv2d(3, 4, 3),
                fc=nn.Linear(4, 3),
            ),
            "'mul' in the model",
        ),
        (
            lambda: nn.Sequential(
                nn.Conv2d(3, 4, 1), nn.Flatten(2), nn.LayerNorm(64), nn.Flatten(), nn.Linear(256, 3)
            ),
            "'layer_norm' in layer '2'",
        ),
        (
            lambda: nn.Sequential(
                nn.Conv2d(3, 4, 1), nn.Softmax(1), nn.Flatten(), nn.Linear(256, 3)
            ),
            "'softmax' in layer '1'",
        ),
    ],
)
def test_other_steps_are_refused(net, step):
    clf = classifier(net(), (8, 8))
    with pytest.raises(MethodError, match=f"FullGrad .* {step}; saliency or integrated_gradients"):
        explain(clf, pictures(8, 8), 0, "fullgrad")


def test_a_constant_part_is_scaled_to_nothing_and_a_varying_one_to_one():
    # Without bias and with one linear layer: psi of x times gradient alone. Image 0 is constant
    # in all channels, so its smallest is its largest; image 1 has one other pixel.
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False)).double()
    with torch.no_grad():
        net[1].weight.fill_(2)
    x = torch.ones(2, 3, 2, 2, dtype=torch.float64)
    x[1, 2, 1, 0] = -4
    found = explain(Classifier(net, ["a", "b", "c"], (2, 2)), x, 0, "fullgrad")
    # |2| ... |8|: (8 - 2) / (6 + 1e-6) in one of three channels.
    expected = torch.zeros(2, 1, 2, 2, dtype=torch.float64)
    expected[1, 0, 1, 0] = 6 / (6 + 1e-6)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)
