"""Patterns against formulas, and when they are estimated anew."""

import copy
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.networks import Net
from tests.reference import nets
from xai_core.explainers import explain, pattern
from xai_core.explainers.baselines import reference_set
from xai_core.explainers.graph import read
from xai_core.explainers.nodes import Affine
from xai_core.explainers.recorded import record
from xai_core.models.classifier import Classifier
from xai_core.progress import listening

X = nets.oracle("x")
PICTURES = nets.oracle("baselines8")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def classifier(net, size=nets.SIZE):
    return Classifier(net.double(), nets.CLASSES, size)


def linear_model(weight):
    """Scores of three pixels: [N, 3, 1, 1] -> [N, outputs], with a bias that must not matter."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3, len(weight))).double()
    with torch.no_grad():
        net[1].weight.copy_(weight)
        net[1].bias.copy_(torch.arange(1.0, len(weight) + 1))
    return Classifier(net, ["one", "two"][: len(weight)], (1, 1))


def only(patterns):
    (found,) = patterns.values()
    return found


def test_a_linear_model_of_data_with_a_known_covariance():
    # The pictures mean +- the columns of sqrt(3) L have the covariance L L'.
    factor = tensor([[2, 0, 0], [1, 1, 0], [-1, 0.5, 3]])
    covariance = factor @ factor.T
    columns = 3**0.5 * factor.T
    pictures = torch.cat([columns, -columns]) + tensor([5, -4, 1])
    weight = tensor([[1, -2, 0.5], [0, 1, 1]])
    found = only(pattern.estimate(linear_model(weight), pictures.view(6, 3, 1, 1), chunk=4))
    for w, a in zip(weight, found, strict=True):
        torch.testing.assert_close(a, covariance @ w / (w @ covariance @ w), rtol=1e-12, atol=1e-14)


def test_without_correlations_the_pattern_is_the_weight():
    weight = tensor([[3, -4, 0]])
    pictures = torch.cat([torch.eye(3), -torch.eye(3)]).double().view(6, 3, 1, 1)
    found = only(pattern.estimate(linear_model(weight), pictures, chunk=6))
    torch.testing.assert_close(found, weight / 25, rtol=1e-14, atol=0)


def test_the_distractor_is_filtered_out():
    # The paper's example: x = y (1, 0) + d (1, 1), and w = (1, -1) finds y whatever d is.
    pairs = [(y, d) for y in (-1.0, 2.0) for d in (-3.0, 1.0, 7.0)]
    pictures = tensor([[y + d, d, 0] for y, d in pairs]).view(6, 3, 1, 1)
    clf = linear_model(tensor([[1, -1, 0]]))
    found = only(pattern.estimate(clf, pictures, chunk=2))
    torch.testing.assert_close(found, tensor([[1, 0, 0]]), rtol=0, atol=1e-14)
    relevance = explain(clf, pictures[:1], 0, "pattern_attribution", baselines=pictures)
    logit = -1 + 1
    assert relevance.abs().max() <= 1e-14 + abs(logit)
    relevance = explain(clf, pictures[-1:], 0, "pattern_attribution", baselines=pictures)
    torch.testing.assert_close(relevance.flatten(), tensor([2 + 1, 0, 0]))


def test_the_two_components_by_hand():
    # y = x_1 - x_2 + b for (2, 0), (1, 0), (0, 3), and x_3 = 5 always.
    # b = 0: y = 2, 1, -3, mean 0. Over the first two E+[xy] = (5/2, 0, 15/2), E+[yy] = 5/2.
    # b = 1: y = 3, 2, -2, mean 1. E+[xy] - E+[x] = (4 - 3/2, 0, 5/2 * 5 - 5), and
    # E+[yy] - E+[y] = 13/2 - 5/2 = 4. The bias has (E+[y] - 1) / 4 = 3/8, and w.a = 5/8.
    pictures = tensor([[2, 0, 5], [1, 0, 5], [0, 3, 5]]).view(3, 3, 1, 1)
    for bias, expected in ((0, [1, 0, 3]), (1, [5 / 8, 0, 15 / 8])):
        net = nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU(), nn.Flatten()).double()
        with torch.no_grad():
            net[0].weight.copy_(tensor([1, -1, 0]).view(1, 3, 1, 1))
            net[0].bias.fill_(bias)
        found = only(pattern.estimate(Classifier(net, ["a"], (1, 1)), pictures, chunk=2))
        torch.testing.assert_close(found.flatten(), tensor(expected), rtol=1e-14, atol=1e-14)


def layers_of(name):
    clf = classifier(nets.load(name))
    graph = read(record(clf, PICTURES))
    return graph, pattern.estimate(clf, PICTURES, chunk=3)


@pytest.mark.parametrize("name", nets.NAMES)
def test_no_signal_is_lost_in_a_neuron(name):
    """w.a = 1, or 1 - b a_b where a ReLU follows, with a_b the pattern of the constant 1."""
    graph, patterns = layers_of(name)
    rectified = 0
    for number, a in patterns.items():
        (node,) = (node for node in graph.nodes if node.output == number)
        kept = (node.weight * a).flatten(1).sum(1)
        y = graph.values[number].movedim(1, 0).flatten(1)
        active = torch.ones_like(y)
        if any(number in other.inputs and "relu" in other.label for other in graph.nodes):
            active = (y > 0).double()
            rectified += 1
        deviation = active * (y - y.mean(1, keepdim=True))
        live = active.any(1)
        constant = deviation.sum(1) / (deviation * y).sum(1)
        bias = 0 if node.bias is None else node.bias
        total = (kept + bias * constant)[live]
        torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-9, atol=0)
        assert live.float().mean() > 0.5
        assert not a[~live].any()
    assert rectified == {"VGGSmall": 5, "VGGSmallBN": 5, "ResSmall": 3}[name]
    assert len(patterns) == {"VGGSmall": 6, "VGGSmallBN": 6, "ResSmall": 7}[name]


@pytest.mark.parametrize(
    "options",
    [
        {"padding": 1, "groups": 3},
        {"stride": 2, "groups": 3},
        {"padding": "same", "dilation": 2},
        {"padding": (0, 2), "stride": (2, 1)},
    ],
)
def test_convolutions_of_every_kind(options):
    generator = torch.Generator().manual_seed(0)
    conv = nn.Conv2d(3, 6, 3, **options).double()
    with torch.no_grad():
        conv.weight.normal_(generator=generator)
    net = nn.Sequential(OrderedDict(conv=conv, flatten=nn.Flatten()))
    pictures = torch.randn((4, 3, 9, 9), generator=generator, dtype=torch.float64)
    size = net(pictures[:1]).shape[1]
    clf = Classifier(net, [str(i) for i in range(size)], (9, 9))
    found = only(pattern.estimate(clf, pictures, chunk=3))
    padding = {"same": 2}.get(conv.padding, conv.padding)
    patches = F.unfold(pictures, 3, conv.dilation, padding, conv.stride)
    patches = patches.view(4, 3, 9, -1).permute(1, 2, 0, 3).flatten(2)  # [channel, kernel, sample]
    y = conv(pictures).movedim(1, 0).flatten(1)
    y = y - y.mean(1, keepdim=True)
    for output, centred in enumerate(y):
        seen = patches if conv.groups == 1 else patches[output // 2][None]
        expected = (seen @ centred) / (centred @ centred)
        torch.testing.assert_close(found[output].flatten(1), expected)


def test_the_chunk_does_not_change_the_patterns():
    clf = classifier(nets.load("ResSmall"))
    alone, together = (pattern.estimate(clf, PICTURES, chunk) for chunk in (1, 8))
    assert alone.keys() == together.keys()
    for number, expected in together.items():
        torch.testing.assert_close(alone[number], expected, rtol=1e-11, atol=1e-13)


def test_neurons_that_are_never_active_give_no_relevance():
    net = nets.load("VGGSmall")
    with torch.no_grad():
        net.conv2.bias[3] = -1e3
    clf = classifier(net)
    patterns = list(pattern.estimate(clf, PICTURES, 8).values())
    assert torch.equal(patterns[1][3], torch.zeros_like(patterns[1][3]))
    assert all(bool(a[0].any()) for a in patterns)
    assert torch.isfinite(explain(clf, X, 0, "pattern_attribution", baselines=PICTURES)).all()


def test_what_cannot_be_folded_passes_the_signal_on():
    """A BatchNorm and constants before the first layer: as if the pictures came like that."""

    plain, norm = nets.load("ResSmall"), nn.BatchNorm2d(3)
    norm.running_mean.copy_(torch.tensor([1.0, 2, 3]))
    norm.running_var.copy_(torch.tensor([4.0, 0.5, 1]))
    scaled = Net(lambda net, x: net.net(2 * net.bn(x) - 1), bn=norm, net=plain)
    clf = classifier(scaled.eval())
    bn = clf.module.bn

    def seen(x):
        return 2 * bn(x) - 1

    found = explain(clf, X, 1, "pattern_attribution", baselines=PICTURES)
    expected = explain(
        classifier(plain), seen(X), 1, "pattern_attribution", baselines=seen(PICTURES)
    )
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-14)


@pytest.fixture
def estimated(monkeypatch, tmp_path):
    """Counts how often patterns are estimated, from a memory and a disk without any."""
    count = []

    def counting(*arguments):
        count.append(arguments)
        return original(*arguments)

    original = pattern.estimate
    monkeypatch.setattr(pattern, "estimate", counting)
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    pattern._known.clear()
    return count


def run(clf, **params):
    return explain(clf, X, 0, "pattern_attribution", **{"baselines": PICTURES, **params})


def test_patterns_are_estimated_once_for_the_same_model_and_pictures(estimated):
    clf = classifier(nets.load("VGGSmall"))
    first = run(clf)
    assert torch.equal(run(classifier(nets.load("VGGSmall")), baselines=PICTURES.clone()), first)
    assert torch.equal(run(clf, chunk=2), first)
    assert len(estimated) == 1
    run(clf, baselines=PICTURES[:4])
    assert len(estimated) == 2


@pytest.mark.parametrize("hidden", [False, True])
def test_patterns_do_not_survive_a_change_of_the_weights(estimated, hidden):
    clf = classifier(nets.load("VGGSmall"))
    before = run(clf)
    weight = clf.module.conv3.weight
    with torch.no_grad():
        # PyTorch's version counter does not notice a change of .data.
        (weight.data if hidden else weight).mul_(torch.linspace(0.5, 1.5, 3, dtype=torch.float64))
    after = run(clf)
    assert len(estimated) == 2
    assert not torch.allclose(after, before)
    assert torch.equal(run(Classifier(clf.module, nets.CLASSES, nets.SIZE)), after)
    assert len(estimated) == 2


def test_only_the_latest_patterns_are_remembered(estimated):
    clf = classifier(nets.load("VGGSmall"))
    for count in (3, 4, 3, 5, 3, 4):
        run(clf, baselines=PICTURES[:count])
    assert [len(pictures) for _, pictures, _ in estimated] == [3, 4, 5], (
        "the others are on the disk"
    )
    assert len(pattern._known) == pattern.REMEMBERED == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_patterns_on_the_disk_are_the_same_in_every_bit(estimated, dtype):
    clf = nets.classifier("VGGSmall", (0.5,) * 3, (0.25,) * 3, dtype=dtype)
    x, options = X.to(dtype), {"baselines": PICTURES.to(dtype)}
    first = explain(clf, x, 0, "pattern_attribution", **options)
    pattern._known.clear()  # as in a worker that was started anew
    assert torch.equal(explain(clf, x, 0, "pattern_attribution", **options), first)
    assert len(estimated) == 1


def test_the_estimate_tells_how_far_it_is(estimated):
    shares = []
    with listening(shares.append):
        run(classifier(nets.load("VGGSmall")), chunk=3)
    assert shares == [3 / 16, 6 / 16, 8 / 16, 11 / 16, 14 / 16, 1]


def test_a_float32_model_gets_the_map_of_float64():
    """But for the rounding of the patterns and of the result, each to 24 binary places.

    A pattern is a factor of every way that leads through its neuron, and a way meets one of
    every layer: of L layers, rounding changes it by at most L units of 2 ** -24, in proportion.
    """
    clf = nets.classifier("VGGSmallBN", (0.5,) * 3, (0.25,) * 3, dtype=torch.float32)
    x, pictures = X.float(), reference_set(clf, 6, 1)
    network = copy.deepcopy(clf.module).double()
    exact = Classifier(network, clf.class_names, clf.input_size, clf.mean, clf.std)
    single = explain(clf, x, 0, "pattern_attribution", baselines=pictures)
    assert single.dtype == torch.float32
    double = explain(exact, x.double(), 0, "pattern_attribution", baselines=pictures.double())
    with torch.no_grad():
        graph = read(record(exact, x.double()))
        patterns = pattern.estimate(exact, pictures.double(), chunk=6)
        weights = {node.output: node.weight for node in graph.nodes if isinstance(node, Affine)}
        # With the absolute value of w * a in its place, all ways add up.
        sizes = {number: a * torch.sign(a * weights[number]) for number, a in patterns.items()}
        ways = pattern.propagate(graph, torch.zeros(2, dtype=torch.int64), sizes).abs()
    rounding = 2**-24 * (len(patterns) * ways + double.abs()) + 1e-12 * ways.max()
    assert ((single.double() - double).abs() <= rounding).all()
