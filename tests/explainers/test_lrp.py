"""LRP and deep Taylor: conservation, BatchNorm, presets, and oracles made of their rules."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.explainers.scaled_down import CLASSES, drawn, small
from tests.networks import Net
from tests.reference import nets, relevance
from xai_core.errors import MethodError
from xai_core.explainers import METHODS, Panel, explain
from xai_core.explainers.deep_taylor import pixel_box, pixel_rule
from xai_core.explainers.graph import lead_back, read_shared
from xai_core.explainers.lrp import PRESETS, boxed_first
from xai_core.explainers.nodes import Affine, Normalisation
from xai_core.explainers.relevance import at_logits, common_rules, epsilon_rule, parted_rule
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
BETAS = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)


@pytest.mark.parametrize("name", nets.NAMES)
def test_agrees_with_zennit_zbox_alphabeta_2_1_nobias(name):
    clf = nets.classifier(name)
    graph = read_shared(clf, X, True)
    inside = parted_rule(graph, torch.tensor([-1.0]), 1e-12)
    rule = pixel_rule(graph, pixel_box(clf, X), inside, 1e-12)
    start = at_logits(graph, nets.oracle(f"{name}/targets"))
    found = lead_back(graph, start, {**common_rules(graph, 1e-12), Affine: rule}, "LRP")[0]
    expected = nets.oracle(f"{name}/zennit_zbox_alphabeta_2_1_nobias")
    assert (found - expected).abs().max() <= 1e-9 * expected.abs().max()


@pytest.mark.parametrize("name", nets.NAMES)
@pytest.mark.parametrize(
    ("stem", "beta"),
    [
        ("rapcode_lrp_alpha1_input", 0.0),
        ("rapcode_lrp_alpha2_input", 1.0),
        ("rapcode_lrp_alpha3_input", 2.0),
    ],
)
def test_agrees_with_the_lrp_in_raps_code(name, stem, beta):
    """z-box at the picture, no bias, nothing added, and R a s / (a s + 1e-9) in a BatchNorm.

    Its s is gamma / sqrt(variance^2 + eps), which only matters for that 1e-9.
    """
    clf = nets.classifier(name)
    graph = read_shared(clf, X, False)
    inside = parted_rule(graph, torch.tensor([-beta]), 1e-15)

    def normalised(node, signal):
        norm = clf.module.get_submodule(node.step.layer)
        scale = norm.weight / (norm.running_var**2 + norm.eps).sqrt()
        z = graph.values[node.inputs[0]] * scale.view(-1, 1, 1)
        return (signal * z / (z + 1e-9),)

    rules = {
        **common_rules(graph, 1e-15),
        Affine: boxed_first(graph, inside),
        Normalisation: normalised,
    }
    start = at_logits(graph, nets.oracle(f"{name}/targets"))
    found = lead_back(graph, start, rules, "LRP")[0]
    expected = nets.oracle(f"{name}/{stem}")
    assert (found - expected).abs().max() <= 1e-9 * expected.abs().max()


def sums(graph, start, rules, stop):
    return lead_back(graph, start, rules, "LRP", stop).flatten(2).sum(2)


@pytest.mark.parametrize("name", ["VGGSmall", "VGGSmallBN"])
@pytest.mark.parametrize("kind", ["epsilon", "parted"])
def test_relevance_is_conserved_from_layer_to_layer(name, kind):
    clf, targets = nets.classifier(name), nets.oracle(f"{name}/targets")
    graph = read_shared(clf, X, True)
    logits = graph.values[graph.output].gather(1, targets[:, None])[:, 0]
    parted = kind == "parted"
    rule = parted_rule(graph, -BETAS, 1e-12) if parted else epsilon_rule(graph, 1e-12, False)
    rules = {**common_rules(graph, 1e-12), Affine: rule}
    start = at_logits(graph, targets).expand(3 if parted else 1, -1, -1)
    for stop in (0, *(node.output for node in graph.nodes)):
        found = sums(graph, start, rules, stop)
        torch.testing.assert_close(found, logits.expand_as(found), rtol=1e-6, atol=0)


def test_what_a_bias_takes_is_missing():
    clf = nets.classifier("VGGSmall")
    without, taken = (
        explain(clf, X, 0, "lrp_epsilon", epsilon=1e-9, bias=bias).sum((1, 2, 3))
        for bias in (False, True)
    )
    logits = clf.logits(X)[:, 0]
    torch.testing.assert_close(without, logits, rtol=1e-5, atol=0)
    # For small eps with bias it is input x gradient.
    product = explain(clf, X, 0, "input_x_gradient").sum((1, 2, 3))
    torch.testing.assert_close(taken, product, rtol=1e-5, atol=1e-7)
    assert ((taken - logits).abs() > 0.01).all()


def batchnorms():
    """conv bn relu pool conv bn relu flatten fc, and the same with its BatchNorms worked in."""
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, padding=1),
            bn1=nn.BatchNorm2d(4),
            relu1=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            conv2=nn.Conv2d(4, 5, 3, padding=1, bias=False),
            bn2=nn.BatchNorm2d(5),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            fc=nn.Linear(60, 4),
        )
    )
    net = drawn(net, seed=3)
    layers = OrderedDict()
    for name, layer in net.named_children():
        if isinstance(layer, nn.BatchNorm2d):
            conv = layers[f"conv{name[-1]}"]
            scale = layer.weight / (layer.running_var + layer.eps).sqrt()
            shift = (conv.bias - layer.running_mean) * scale + layer.bias
            conv.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
            conv.bias = nn.Parameter(shift)
        elif isinstance(layer, nn.Conv2d):
            twin = nn.Conv2d(layer.in_channels, layer.out_channels, 3, padding=1).double()
            twin.weight = layer.weight
            twin.bias = nn.Parameter(torch.zeros(layer.out_channels).double())
            if layer.bias is not None:
                twin.bias = layer.bias
            layers[name] = twin
        else:
            layers[name] = layer
    return net, nn.Sequential(layers)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        ("lrp_epsilon", {"bias": True}),
        ("lrp_alpha_beta", {"alpha": 3.0, "beta": 2.0, "epsilon": 1e-3}),
        ("lrp_alpha2_beta1", {"bias": True}),
        ("deep_taylor", {}),
        ("excitation_backprop", {"layer": "conv1"}),
        ("cmwp", {"layer": "conv1"}),
    ],
)
def test_a_folded_batchnorm_equals_the_layer_that_it_becomes(method, settings):
    net, folded = batchnorms()
    x = X[:, :, 4:12, 3:9]
    found = explain(Classifier(net, CLASSES, (8, 6)), x, [1, 2], method, **settings)
    twin, _ = relevance.REFERENCES[method]
    for image, row, target in zip(x, found, (1, 2), strict=True):
        expected = torch.from_numpy(twin(folded, image.numpy(), target, **settings))
        torch.testing.assert_close(row, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("given", [{"alpha": 2.0, "beta": 2.0}, {"alpha": 3.0}, {"beta": 0.5}])
def test_alpha_and_beta_belong_together(given):
    with pytest.raises(MethodError, match=r"needs alpha - beta = 1.*alpha \d goes with beta \d\."):
        explain(nets.classifier("VGGSmall"), X, 0, "lrp_alpha_beta", **given)


def test_the_presets_have_their_names_facts_and_values():
    assert {name: METHODS[name].title for name in PRESETS} == {
        "lrp_alpha1_beta0": "LRP α1β0",
        "lrp_alpha2_beta1": "LRP α2β1",
        "lrp_alpha3_beta2": "LRP α3β2",
        "lrp_alpha4_beta3": "LRP α4β3",
        "lrp_alpha5_beta4": "LRP α5β4",
        "lrp_alpha6_beta5": "LRP α6β5",
        "lrp_alpha9_beta8": "LRP α9β8",
    }
    clf = nets.classifier("VGGSmall")
    for name, beta in PRESETS.items():
        general = explain(clf, X, 3, "lrp_alpha_beta", alpha=beta + 1.0, beta=float(beta))
        assert torch.equal(explain(clf, X, 3, name), general)


def test_all_presets_together_go_back_once():
    clf, calls = nets.classifier("VGGSmallBN"), []
    apart = {name: {} for name in PRESETS} | {"lrp_alpha_beta": {"alpha": 1.5, "beta": 0.5}}
    expected = {name: explain(clf, X, [1, 2], name, **given) for name, given in apart.items()}
    other = {"lrp_alpha2_beta1": {"epsilon": 0.1}}
    panel = Panel(clf, X, [1, 2], {**apart, "lrp_epsilon": {}, **other})
    with Counted(calls):
        found = {name: panel.explain(name) for name in apart if name not in other}
    for name, row in found.items():
        size = expected[name].abs().max().item()
        torch.testing.assert_close(row, expected[name], rtol=1e-10, atol=1e-13 * size)
    # Six weighted layers, each forward once as itself, for z+ and for z-, but for the seven betas
    # that differ in nothing else only; the first one has inputs of both signs.
    assert len(calls) == 6 + 2 * 6 + 2


def test_presets_with_another_first_rule_share_a_way_of_their_own():
    clf, calls = nets.classifier("VGGSmall"), []
    names = ("lrp_alpha1_beta0", "lrp_alpha2_beta1", "lrp_alpha3_beta2")
    settings = {name: {"first": "zb"} for name in names[:2]}
    expected = {name: explain(clf, X, [1, 2], name, **given) for name, given in settings.items()}
    panel = Panel(clf, X, [1, 2], {**settings, names[2]: {}})
    with Counted(calls):
        found = {name: panel.explain(name) for name in settings}
    for name, row in found.items():
        size = expected[name].abs().max().item()
        torch.testing.assert_close(row, expected[name], rtol=1e-10, atol=1e-13 * size)
    # Six weighted layers forward; five of them for z+ and z-, the first for its three products.
    assert len(calls) == 6 + 2 * 5 + 3
    assert not torch.allclose(
        panel.explain(names[2]), explain(clf, X, [1, 2], names[2], first="zb")
    )


class Counted(torch.overrides.TorchFunctionMode):
    """Counts convolutions and linear layers."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in (nn.functional.conv2d, nn.functional.linear):
            self.calls.append(func)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "name", ["resnet", "resnext", "densenet", "inception", "mobilenet", "shufflenet"]
)
@pytest.mark.parametrize("method", ["lrp_epsilon", "lrp_alpha2_beta1", "deep_taylor"])
def test_works_on(name, method):
    clf, x = small(name)
    found = explain(clf, x, [2, 0], method)
    assert found.abs().amax((1, 2, 3)).min() > 0
    alone = explain(clf, x[1:], 0, method)
    assert (found[1:] - alone).abs().max() <= 1e-8 * alone.abs().max()


def test_constants_pass_relevance_on():
    """2 x - 1 in front of the first layer: its sum stays the logit, if no bias takes part."""

    layer = nn.Linear(12, 4, bias=False)
    shifted = Net(lambda net, x: net.fc((2 * x - 1).flatten(1)), fc=layer)
    clf = Classifier(drawn(shifted), CLASSES, (2, 2))
    x = X[:, :, :2, :2]
    found = explain(clf, x, 1, "lrp_epsilon", epsilon=1e-9)
    weight = clf.module.fc.weight[1].view(3, 2, 2)
    torch.testing.assert_close(found, (2 * x - 1) * weight, rtol=1e-7, atol=1e-9)


def test_the_box_of_deep_taylor_is_that_of_the_preprocessing():
    """f = w x with w = (1, -2, 3): pixel values p in [0, 1] give (p w+ - (1 - p) w-) / std."""
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.3, 0.25)
    net = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.Flatten()).double()
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1, -2, 3], [1, 1, 1]]).view(2, 3, 1, 1))
    clf = Classifier(net, ["a", "b"], (1, 1), mean, std)
    pixels = torch.tensor([[0.75, 0.25, 0.5], [0.0, 1.0, 0.5]], dtype=torch.float64)
    x = clf.normalise(pixels.view(2, 3, 1, 1))
    shares = torch.stack(
        [pixels[:, 0] / 0.2, 2 * (1 - pixels[:, 1]) / 0.3, 3 * pixels[:, 2] / 0.25]
    )
    shares = shares.T / (shares.sum(0)[:, None] + 1e-6)
    expected = shares * clf.logits(x)[:, :1]
    found = explain(clf, x, 0, "deep_taylor").view(2, 3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_the_box_follows_constants_on_the_way_to_the_first_layer():
    """1 - x in front turns the box round; it may not matter who subtracts."""

    inside, outside = (
        Classifier(drawn(Net(run, fc=nn.Linear(12, 4, bias=False))), CLASSES, (2, 2))
        for run in (
            lambda net, x: net.fc((1 - x).flatten(1)),
            lambda net, x: net.fc(x.flatten(1)),
        )
    )
    x = X[:, :, :2, :2]
    torch.testing.assert_close(
        explain(inside, x, 1, "deep_taylor"), explain(outside, 1 - x, 1, "deep_taylor")
    )
