"""Relative Attributing Propagation inside the network, and what it keeps."""

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.networks import Net, normal
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import explain, rap
from xai_core.explainers.graph import read
from xai_core.explainers.nodes import Affine
from xai_core.explainers.recorded import record
from xai_core.images import sample_images
from xai_core.models import load_classifier
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
# Where the stored relevance was taken: the output of that layer.
PLACES = {
    "VGGSmall/rap_conv1_out": "conv1",
    "VGGSmall/rap_conv4_in": "relu3",
    "VGGSmall/rap_fc1_in": "flatten",
    "VGGSmall/rap_fc2_in": "relu5",
    "VGGSmallBN/rap_conv1_out": "conv1",
    "VGGSmallBN/rap_conv4_in": "relu3",
    "VGGSmallBN/rap_fc1_in": "flatten",
    "VGGSmallBN/rap_fc2_in": "relu5",
    "ResSmall/rap_conv0_out": "conv0",
    "ResSmall/rap_block2_in": "block1",
    "ResSmall/rap_fc_in": "flatten",
}


def classifier(net, size=nets.SIZE):
    return Classifier(net.double(), nets.CLASSES, size)


def graph_of(name, fold):
    return read(record(classifier(nets.load(name)), X), fold)


@pytest.mark.parametrize(("key", "layer"), PLACES.items())
def test_agrees_inside_the_network(key, layer):
    net = key.partition("/")[0]
    graph = graph_of(net, fold=False)
    found = rap.propagate(graph, nets.oracle(f"{net}/targets"), graph.value_of(layer))
    expected = nets.oracle(key)
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= 1e-9 * expected.abs().max()


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", ["VGGSmall", "VGGSmallBN"])
def test_the_sum_is_the_logit_behind_every_layer(name, fold):
    graph = graph_of(name, fold)
    targets = nets.oracle(f"{name}/targets")
    logits = nets.oracle(f"{name}/logits").gather(1, targets[:, None])[:, 0]
    places = [0, *(node.output for node in graph.nodes[:-1])]
    assert len(places) == (18 if name == "VGGSmallBN" and not fold else 14)
    for place in places:
        found = rap.propagate(graph, targets, place)
        scale = found.abs().flatten(1).sum(1).max()
        assert (found.flatten(1).sum(1) - logits).abs().max() <= 1e-13 * scale


@pytest.mark.parametrize("layer", ["conv0", "block1", "block2", "flatten"])
def test_the_sum_is_the_logit_between_residual_blocks(layer):
    graph = graph_of("ResSmall", fold=True)
    targets = nets.oracle("ResSmall/targets")
    logits = nets.oracle("ResSmall/logits").gather(1, targets[:, None])[:, 0]
    found = rap.propagate(graph, targets, graph.value_of(layer)).flatten(1)
    assert (found.sum(1) - logits).abs().max() <= 1e-12 * found.abs().sum(1).max()


def layer_of(module, a):
    """The only node of a network with that one layer, and what it is given."""
    clf = Classifier(nn.Sequential(module, nn.Flatten()).double(), ["a", "b"], (1, 1))
    (node,) = (n for n in read(record(clf, a)).nodes if isinstance(n, Affine))
    return node


@pytest.fixture
def example():
    """a = (2, 1, 0), R = (4, -2); z_1 = (2, -1), z_2 = (6, -2); P = (2, 6), N = (1, 2)."""
    conv = nn.Conv2d(3, 2, 1)
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[1.0, -1, 5], [3, -2, 5]]).view(2, 3, 1, 1))
    a = torch.tensor([2.0, 1, 0], dtype=torch.float64).view(1, 3, 1, 1)
    return conv, a, torch.tensor([4.0, -2], dtype=torch.float64).view(1, 1, 2, 1, 1)


def test_a_hidden_convolution_by_hand(example):
    # C_1 = 4 * 2/2, C_2 = 4 * 1/3 - 2 * 2/2 - 2 * 2/8 = -7/6, too much by 17/6 - 2 = 2 * 5/12
    conv, a, relevance = example
    found = rap.hidden(layer_of(conv, a), a, relevance).flatten()
    expected = torch.tensor([43 / 12, -19 / 12, 0], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


def test_a_hidden_linear_layer_by_hand(example):
    # C_1 = 4 * 2/2 - 2 * 6/6 = 2, C_2 = 4 * 1/3 - 2 * 2/8 = 5/6, too much by 17/6 - 2 = 2 * 5/12
    conv, a, relevance = example
    linear = nn.Linear(3, 2)
    with torch.no_grad():
        linear.weight.copy_(conv.weight.flatten(1))
    flat = layer_of(nn.Sequential(nn.Flatten(), linear), a)
    found = rap.hidden(flat, a.flatten(1), relevance.flatten(2)).flatten()
    expected = torch.tensor([19 / 12, 5 / 12, 0], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


def test_negative_inputs_count_by_what_they_add(example):
    # Inputs and weights of the other sign add the same.
    conv, a, relevance = example
    expected = rap.hidden(layer_of(conv, a), a, relevance)
    with torch.no_grad():
        conv.weight[:, 1] *= -1
    a[:, 1] *= -1
    torch.testing.assert_close(rap.hidden(layer_of(conv, a), a, relevance), expected)


def test_batchnorm_behind_the_last_layer_passes_relevance_on():
    layers = OrderedDict(nets.load("VGGSmall").named_children())
    layers["bn"] = nn.BatchNorm1d(5).double()
    clf = classifier(nn.Sequential(layers))
    for batchnorm in ("fold", "identity"):
        found = explain(clf, X, [1, 3], "rap", batchnorm=batchnorm)
        logits = clf.logits(X)[[0, 1], [1, 3]]
        torch.testing.assert_close(found.flatten(1).sum(1), logits, rtol=1e-12, atol=0)


def test_a_network_that_ends_in_a_convolution():
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 6, 3, stride=2),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(6, 6, 3, groups=2, padding="same"),
            relu2=nn.ReLU(),
            conv3=nn.Conv2d(6, 5, 3),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )
    clf = classifier(normal(net, 0.5, torch.Generator().manual_seed(3)))
    graph = read(record(clf, X))
    targets = clf.logits(X).argmin(1)
    logits = clf.logits(X).gather(1, targets[:, None])[:, 0]
    assert (logits < 0).all()
    for layer in ("flatten", "conv3", "relu2", "relu1"):
        found = rap.propagate(graph, targets, graph.value_of(layer)).flatten(1)
        torch.testing.assert_close(found.sum(1), logits, rtol=1e-11, atol=0)
    found = explain(clf, X, targets, "rap").flatten(1)
    torch.testing.assert_close(found.sum(1), logits, rtol=1e-11, atol=0)


def test_branches_are_put_together_as_they_were():
    torch.manual_seed(0)
    layers = {"left": nn.Conv2d(3, 2, 1), "right": nn.Conv2d(3, 3, 3, padding=1)}
    layers |= {"relu": nn.ReLU(), "flatten": nn.Flatten(), "fc": nn.Linear(5 * 32 * 32, 5)}
    net = Net(
        lambda net, x: net.fc(net.flatten(net.relu(torch.cat([net.left(x), net.right(x)], 1)))),
        **layers,
    )
    clf = classifier(net)
    graph = read(record(clf, X))
    targets = torch.tensor([0, 2])
    whole = rap.propagate(graph, targets, graph.value_of("relu"))
    left = rap.propagate(graph, targets, graph.value_of("left"))
    assert torch.equal(left, whole[:, :2])
    logits = clf.logits(X)[[0, 1], [0, 2]]
    found = rap.propagate(graph, targets)
    torch.testing.assert_close(found.flatten(1).sum(1), logits, rtol=1e-12, atol=0)


def test_a_float32_model_gets_the_map_of_float64():
    """But for the rounding of the result; of a random ResNet, float32 would give another map."""
    torch.manual_seed(0)
    resnet = Classifier(nets.resnet(), nets.CLASSES, nets.SIZE)
    vgg = load_classifier("vgg-tiny")
    pictures = vgg.preprocess([sample.loader() for sample in sample_images()[:2]])
    for clf, x in ((vgg, pictures), (resnet, X.float())):
        network = copy.deepcopy(clf.module).double()
        exact = Classifier(network, clf.class_names, clf.input_size, clf.mean, clf.std)
        targets = clf.logits(x).argmin(1)
        single = explain(clf, x, targets, "rap")
        assert single.dtype == torch.float32
        double = explain(exact, x.double(), targets, "rap")
        # Half a unit in the last of the 24 places of float32.
        rounding = 2**-24 * double.abs() + 1e-12 * double.abs().max()
        assert ((single.double() - double).abs() <= rounding).all()
        assert clf.dtype == torch.float32


@pytest.mark.parametrize(
    ("method", "title"), [("rap", "RAP"), ("pattern_attribution", "PatternAttribution")]
)
def test_a_network_that_does_not_run_in_float64_is_refused(method, title):
    layer, kernel = nn.Linear(3 * 32 * 32, 5), torch.ones(5, 5)  # a step that knows float32 only
    net = Net(lambda net, x: net.fc(x.flatten(1)) @ kernel, fc=layer)
    clf = Classifier(net, nets.CLASSES, nets.SIZE, title="Small")
    with pytest.raises(MethodError, match=rf"{title} is computed in float64, in which Small does"):
        explain(clf, X.float(), 0, method)
