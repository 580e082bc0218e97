"""With a known run, one way back gives what every method gives without."""

from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.networks import Net, Of, pictures
from tests.randomization.small_networks import trained
from tests.reference import nets
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import METHODS, Panel, explain, recorded_gradient
from xai_core.explainers.graph import read_shared
from xai_core.explainers.recorded import record
from xai_core.explainers.recorded_gradient import (
    DECONVNET,
    GRADIENT,
    GUIDED,
    gradients,
    recorded_signals,
)
from xai_core.explainers.sharing import Sharing, alone, known_tape
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomizable_layers, randomized

CLASSES = ["ant", "bee", "cat"]
SIZE = (16, 16)
TARGETS = [2, 0]
FAMILY = {
    "saliency": {},
    "input_x_gradient": {},
    "gradcam": {},
    "gradcam_elementwise": {"relu": False},
    "gradcam_pp": {},
    "deconvnet": {},
    "guided_backprop": {},
    "guided_gradcam": {},
    "guided_gradcam_pp": {},
}
RECTIFIED = ("deconvnet", "guided_backprop", "guided_gradcam", "guided_gradcam_pp")


def branching():
    """Branches joined by a sum, a product and a concatenation; one goes nowhere."""

    def run(net, x):
        x = net.relus[0](net.conv(x))
        net.relus[4](net.aside(x))
        x = x + net.relus[1](net.other(x))
        x = torch.cat([x * net.relus[2](net.gate(x)), x - x.mean((2, 3), keepdim=True)], 1)
        return net.fc(net.relus[3](net.last(x)).mean((2, 3)))

    layers = {"conv": nn.Conv2d(3, 6, 3, padding=1), "other": nn.Conv2d(6, 6, 3, padding=1)}
    layers |= {"gate": nn.Conv2d(6, 6, 1), "last": nn.Conv2d(12, 6, 3), "aside": nn.Conv2d(6, 6, 1)}
    return Net(run, **layers, relus=nn.ModuleList(nn.ReLU() for _ in range(5)), fc=nn.Linear(6, 3))


def chained(**layers):
    ends = {"pool": nn.AdaptiveAvgPool2d(2), "flatten": nn.Flatten(), "fc": nn.Linear(24, 3)}
    return nn.Sequential(OrderedDict(**layers, **ends))


def relu6():
    # Large weights, so that values lie at both ends of it.
    net = chained(
        conv1=nn.Conv2d(3, 6, 3),
        act1=nn.ReLU6(),
        conv2=nn.Conv2d(6, 6, 3),
        act2=nn.Hardtanh(0, 2),
    )
    with torch.no_grad():
        net.conv1.weight.mul_(20)
    return net


def ties():
    """Whole windows are 0 behind the first ReLU, and the second has values twice."""
    net = chained(
        conv1=nn.Conv2d(3, 6, 3),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        enlarged=nn.Upsample(scale_factor=2),
        pool2=nn.MaxPool2d(3, 2, 1),
        conv2=nn.Conv2d(6, 6, 3),
        relu2=nn.ReLU(),
    )
    with torch.no_grad():
        net.conv1.bias.sub_(0.5)
    return net


def batchnorm():
    net = chained(
        norm0=nn.BatchNorm2d(3),
        conv1=nn.Conv2d(3, 6, 3),
        norm1=nn.BatchNorm2d(6),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(6, 6, 3, stride=2, bias=False),
        norm2=nn.BatchNorm2d(6),
        norm3=nn.BatchNorm2d(6, affine=False),
        relu2=nn.ReLU(),
    )
    with torch.no_grad():
        for name, tensor in net.named_buffers():
            if tensor.is_floating_point():
                tensor.uniform_(0.5, 1.5)
            if name.endswith("mean"):
                tensor.sub_(1)
    return net


RELU_NETS = {"relu6": relu6, "branches": branching, "ties": ties, "batchnorm": batchnorm}


def classifier(net):
    return Classifier(net.double(), CLASSES, SIZE)


def half_black():
    x = pictures(*SIZE)
    x[0, :, :8] = 0  # one half of a picture is black
    return x


def known_run(clf, x):
    with torch.no_grad(), clf.lent() as twin:
        return record(twin, x)


def check(clf, x, requests, known, targets=TARGETS):
    """Every method of a panel that knows the run, against the method by itself."""
    panel = Panel(clf, x, targets, requests, known=known)
    for name, settings in requests.items():
        expected = explain(clf, x, targets, name, **settings)
        scale = expected.abs().max().item()
        assert scale > 0
        torch.testing.assert_close(panel.explain(name), expected, rtol=1e-9, atol=1e-12 * scale)


def at(layer):
    """All methods of the family, those of the CAM family at that layer."""
    return {
        name: {**settings, **({"layer": layer} if "cam" in name else {})}
        for name, settings in FAMILY.items()
    }


# The same numbers


@pytest.mark.parametrize("kind", RELU_NETS)
def test_the_family_gives_what_each_gives_without_a_known_run(kind):
    clf, x = classifier(RELU_NETS[kind]()), half_black()
    known = known_run(clf, x)
    for layer in {clf.layers()[0], clf.layers()[-2]}:
        check(clf, x, at(layer), known)
    # One at a time: its own signal goes back, and no other.
    for name, settings in at(clf.layers()[0]).items():
        check(clf, x, {name: settings}, known)


@pytest.mark.parametrize("kind", RELU_NETS)
def test_so_it_does_for_a_network_that_differs_in_some_layers(kind):
    clf, x = classifier(RELU_NETS[kind]()), half_black()
    known = known_run(clf, x)
    for depth in range(len(randomizable_layers(clf)) + 1):
        twin = randomized(clf, depth, init="permute")
        check(twin, x, at(clf.layers()[0]), known)


@pytest.mark.parametrize("name", ["VGGSmallBN", "ResSmall"])
def test_all_methods_give_what_they_give_without_a_known_run(name):
    clf, x = nets.classifier(name), nets.oracle("x")[:1]
    twin = randomized(clf, 2, seed=1)
    wanted = {
        key: row.quick
        for key, row in METHODS.items()
        if row.family != "control" and (key != "cam" or name == "ResSmall")
    }
    panel = Panel(twin, x, 3, wanted, known=known_run(clf, x))
    for key, quick in wanted.items():
        expected = explain(twin, x, 3, key, **quick)
        torch.testing.assert_close(panel.explain(key), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", ["transformer", "convnext", "dense", "computed", "functional"])
def test_networks_of_other_kinds_have_the_same_gradients(kind):
    clf, x = trained(kind), half_black()
    twin = randomized(clf, 2)
    layer = clf.map_layers.default
    requests = {name: at(layer)[name] for name in ("saliency", "input_x_gradient")}
    requests["gradcam_elementwise"] = {"layer": layer, "relu": False}
    check(twin, x, requests, known_run(clf, x))


def test_signals_go_back_through_complex_values():
    mask = torch.linspace(-1, 1, 14, dtype=torch.float64)
    filtered = Of(lambda a: torch.fft.ifft2(torch.fft.fft2(a) * mask).real)
    clf = classifier(chained(conv=nn.Conv2d(3, 6, 3), filtered=filtered, relu=nn.ReLU()))
    requests = {name: at("conv")[name] for name in ("saliency", "gradcam_elementwise")}
    check(clf, x := half_black(), requests, known_run(clf, x))


def test_the_gradient_by_hand():
    # f = 2 relu6(r) + 3 relu6(s), r = x and s = -x: 2 where 0 < x < 6, -3 where -6 < x < 0.
    net = nn.Sequential(nn.Conv2d(3, 2, 1, bias=False), nn.ReLU6(), nn.Conv2d(2, 2, 1, bias=False))
    net.extend([nn.Flatten(), nn.Unflatten(1, (2, 5)), Of(lambda x: x.sum(2))])
    net = net.double()
    with torch.no_grad():
        net[0].weight.zero_()[:, 0] = torch.tensor([1.0, -1.0])[:, None, None]
        net[2].weight.copy_(torch.tensor([[2.0, 3.0], [-2.0, -3.0]])[..., None, None])
    clf = Classifier(net, ["a", "b"], (1, 5))
    x = torch.zeros(1, 3, 1, 5, dtype=torch.float64)
    x[0, 0, 0] = torch.tensor([-7.0, -1, 0, 1, 6])
    requests = {name: {} for name in ("saliency", "deconvnet", "guided_backprop")}
    for target, by_hand in (
        (
            0,
            {
                "saliency": [0, -3, 0, 2, 0],
                "deconvnet": [-1] * 5,
                "guided_backprop": [0, -3, 0, 2, 0],
            },
        ),
        (1, {"saliency": [0, 3, 0, -2, 0], "deconvnet": [0] * 5, "guided_backprop": [0] * 5}),
    ):
        panel = Panel(clf, x, target, requests, known=known_run(clf, x))
        for name, row in by_hand.items():
            assert panel.explain(name)[0, 0, 0].tolist() == row


def test_the_first_of_equal_values_in_a_window_gets_the_signal():
    net = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3, 2, bias=False))
    net = net.double()
    with torch.no_grad():
        net[3].weight.fill_(5)
    clf = Classifier(net, ["a", "b"], (2, 2))
    x = torch.full((1, 3, 2, 2), -1.0, dtype=torch.float64)
    x[0, 1] = 4
    panel = Panel(clf, x, 0, {"deconvnet": {}, "saliency": {}}, known=known_run(clf, x))
    first = [[5.0, 0], [0, 0]]
    assert panel.explain("deconvnet")[0].tolist() == [first, first, first]
    assert panel.explain("saliency")[0].tolist() == [[[0, 0], [0, 0]], first, [[0, 0], [0, 0]]]


# What has no rectified way back


@pytest.mark.parametrize("name", RECTIFIED)
@pytest.mark.parametrize("rectifiers", ["none", "one"])
def test_other_activations_are_refused_in_the_same_words(name, rectifiers):
    layers = OrderedDict(conv=nn.Conv2d(3, 6, 3), act=nn.GELU())
    if rectifiers == "one":
        layers["relu"] = nn.ReLU()
    clf, x = classifier(chained(**layers)), half_black()
    requests = at("conv")
    with pytest.raises(MethodError) as alone_said:
        explain(clf, x, TARGETS, name)
    known = known_run(clf, x)
    for wanted in (requests, {name: {}}):
        panel = Panel(clf, x, TARGETS, wanted, known=known)
        with pytest.raises(MethodError) as said:
            panel.explain(name)
        assert str(said.value) == str(alone_said.value)
        assert "'gelu' in layer 'act'" in str(said.value)
    # Beside them the gradient is led back all the same.
    others = {key: value for key, value in requests.items() if key not in RECTIFIED}
    panel = Panel(clf, x, TARGETS, requests, known=known)
    for key, settings in others.items():
        expected = explain(clf, x, TARGETS, key, **settings)
        torch.testing.assert_close(panel.explain(key), expected, rtol=1e-9, atol=1e-14)


def test_a_network_without_rectifiers_is_refused_in_the_same_words():
    clf, x = classifier(chained(conv=nn.Conv2d(3, 6, 3))), half_black()
    panel = Panel(clf, x, TARGETS, {"deconvnet": {}, "saliency": {}}, known=known_run(clf, x))
    with pytest.raises(MethodError, match="this model has none"):
        panel.explain("deconvnet")
    torch.testing.assert_close(panel.explain("saliency"), explain(clf, x, TARGETS, "saliency"))


# Layers


def pairs():
    """A layer that gives no tensor but two, one that is used twice, and one that hands on."""

    def run(net, x):
        x = net.same(x)
        net.aside(x)
        one, other = net.split(net.conv(x))
        return net.fc(net.relu(net.twice(one) + net.twice(other)).mean((2, 3)))

    layers = {"same": nn.Identity(), "conv": nn.Conv2d(3, 6, 3, padding=1)}
    layers |= {"split": Of(lambda x: x.chunk(2, 1)), "twice": nn.Conv2d(3, 3, 3, padding=1)}
    layers |= {"aside": nn.Conv2d(3, 6, 3), "unused": nn.Conv2d(3, 3, 1)}
    return Net(run, **layers, relu=nn.ReLU(), fc=nn.Linear(3, 3))


@pytest.mark.parametrize("layer", ["split", "twice", "aside", "nothing", "fc", "unused"])
def test_layers_that_cannot_be_explained_are_refused_in_the_same_words(layer):
    clf, x = classifier(pairs()), half_black()
    requests = {"gradcam": {"layer": layer}, "saliency": {}, "deconvnet": {}}
    with pytest.raises((MethodError, ModelError)) as alone_said:
        explain(clf, x, TARGETS, "gradcam", layer=layer)
    panel = Panel(clf, x, TARGETS, requests, known=known_run(clf, x))
    with pytest.raises(type(alone_said.value)) as said:
        panel.explain("gradcam")
    assert str(said.value) == str(alone_said.value)
    for name in ("saliency", "deconvnet"):
        expected = explain(clf, x, TARGETS, name)
        torch.testing.assert_close(panel.explain(name), expected, rtol=1e-9, atol=1e-14)


def test_a_layer_that_hands_the_pictures_on_has_their_gradient():
    clf, x = classifier(pairs()), half_black()
    assert "same" in clf.map_layers.layouts
    check(clf, x, {"gradcam_elementwise": {"layer": "same", "relu": False}}, known_run(clf, x))


def test_without_what_the_run_does_not_tell_nothing_is_led_back():
    clf, x = classifier(pairs()), half_black()
    targets = torch.tensor(TARGETS)
    known = known_run(clf, x)
    assert recorded_signals(clf, x, targets, GRADIENT) is None, "nothing is known"
    with Sharing({"saliency": {}}, known).active():
        found = recorded_signals(clf, x, targets, GRADIENT, ["conv", "aside"])
        assert set(found.pictures) == {GRADIENT}
        (number,) = found.graph.layers["conv"]
        assert set(found.inside) == {number}, "the scores do not depend on the layer aside"
        assert recorded_signals(clf, x, targets, GRADIENT, ["split"]) is None
        assert recorded_signals(clf, x.clone(), targets, GRADIENT) is None, "other pictures"
    with Sharing({"saliency": {}, "deconvnet": {}}, known).active():
        assert set(recorded_signals(clf, x, targets, GUIDED).pictures) == {
            GRADIENT,
            DECONVNET,
            GUIDED,
        }


# One way back


def test_one_way_back_serves_all(monkeypatch):
    counts = []
    lead_back = recorded_gradient.lead_back
    monkeypatch.setattr(
        recorded_gradient,
        "lead_back",
        lambda graph, start, *a, **k: counts.append(len(start)) or lead_back(graph, start, *a, **k),
    )
    clf, x = classifier(batchnorm()), half_black()
    panel = Panel(clf, x, TARGETS, at("conv1"), known=known_run(clf, x))
    for name in panel.methods:
        panel.explain(name)
    assert counts == [3], "the gradient, DeconvNet and guided backpropagation at once"


def test_results_leave_the_known_run_as_it_was():
    clf, x = classifier(batchnorm()), half_black()
    known = known_run(clf, x)
    values = [value.clone() for value in known.values]
    panel = Panel(randomized(clf, 1), x, TARGETS, at("conv1"), known=known)
    for name in panel.methods:
        panel.explain(name).fill_(7)
    assert all(torch.equal(a, b) for a, b in zip(values, known.values, strict=True))
    assert not any(value.requires_grad for value in known.values)
    assert x.grad is None


# Which run is known


def test_a_run_of_other_pictures_is_refused():
    clf, x = classifier(batchnorm()), half_black()
    known = known_run(clf, x)
    for other in (x.flip(0), x[:1]):
        with pytest.raises(MethodError, match="one of other pictures"):
            Panel(clf, other, 0, {"saliency": {}}, known=known)
    equal = Panel(clf, x.clone(), 0, {"saliency": {}}, known=known).explain("saliency")
    torch.testing.assert_close(equal, explain(clf, x, 0), rtol=1e-9, atol=1e-14)


def test_a_run_is_known_of_its_pictures_only_and_where_results_are_shared():
    clf, x = classifier(batchnorm()), half_black()
    known = known_run(clf, x)
    assert known_tape(x) is None
    with Sharing({}, known).active():
        assert known_tape(x) is known
        assert known_tape(x.clone()) is None
        with alone():
            assert known_tape(x) is None
    with Sharing({}).active():
        assert known_tape(x) is None


class Halves(nn.Module):
    """f(x) = W relu(a) + 2 W b of the two halves of one convolution's channels."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(2 * 6 * 6, 5)

    def forward(self, x):
        a, b = self.conv(x).chunk(2, dim=1)
        return self.fc(a.relu().flatten(1)) + 2 * self.fc(b.flatten(1))


@pytest.mark.parametrize("wanted", [[0], [1], [0, 1]])
def test_the_way_back_ends_where_all_that_is_wanted_is_known(wanted):
    clf = Classifier(Halves().double().eval(), list("abcde"), (8, 8))
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    graph = read_shared(clf, x, False)
    (split,) = (node for node in graph.nodes if len(node.outputs) == 2)
    numbers = [split.outputs[index] for index in wanted]
    targets = torch.tensor([1, 4])
    found = gradients(graph, targets, numbers)
    assert set(found) == set(numbers)
    weight = clf.module.fc.weight[targets].view(2, 2, 6, 6)
    of_a, of_b = weight * (graph.values[split.outputs[0]] > 0), 2 * weight
    for index, number in zip(wanted, numbers, strict=True):
        assert torch.equal(found[number], (of_a, of_b)[index])
