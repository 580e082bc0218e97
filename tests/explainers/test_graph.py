"""The recorded network: what the tape writes down, and what the graph makes of it."""

from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.explainers.scaled_down import CLASSES, NETS, drawn, small
from tests.networks import Net, Of
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers.graph import gradient, lead_back, read, read_shared
from xai_core.explainers.nodes import (
    Activation,
    Adding,
    Affine,
    Averaging,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rearranging,
    Rectifier,
    Subtracting,
)
from xai_core.explainers.recorded import record, recorded
from xai_core.explainers.sharing import Sharing, alone
from xai_core.models.classifier import Classifier
from xai_core.models.recording import record_module


def chain_rule(graph):
    """Rules that make ``lead_back`` the gradient."""
    kinds = (Averaging, Adding, Subtracting, Constant)
    more = (Rectifier, MaxPool, Normalisation, Activation, Node)
    rules = {kind: lambda node, signal: gradient(graph, node, signal) for kind in kinds + more}

    def affine(node, signal):
        return (node.transposed(signal, graph.values[node.inputs[0]]),)

    return {**rules, Affine: affine}


def gradients(graph, classes, stop=0):
    count = len(graph.values[0])
    start = torch.zeros(len(classes), count, len(CLASSES), dtype=torch.float64)
    for row, one in zip(start, classes, strict=True):
        row[:, one] = 1
    return lead_back(graph, start, chain_rule(graph), "the chain rule", stop)


@pytest.mark.parametrize("fold", [True, False])
@pytest.mark.parametrize("name", NETS)
def test_the_chain_rule_on_the_graph_is_autograds(name, fold):
    clf, x = small(name)
    found = gradients(read(record(clf, x), fold), (3, 1))
    point = x.clone().requires_grad_()
    logits = clf.logits(point).sum(0)
    for row, one in zip(found, (3, 1), strict=True):
        (expected,) = torch.autograd.grad(logits[one], point, retain_graph=True)
        assert expected.abs().max() > 0
        torch.testing.assert_close(
            row, expected, rtol=1e-9, atol=1e-12 * expected.abs().max().item()
        )


@pytest.mark.parametrize("name", NETS)
def test_weights_with_their_batchnorm_give_the_recorded_values(name):
    clf, x = small(name)
    graph = read(record(clf, x))
    layers = [node for node in graph.nodes if isinstance(node, Affine)]
    assert layers
    for node in layers:
        a, z = graph.values[node.inputs[0]], graph.values[node.output]
        found = node.forward(a, node.weight)
        if node.bias is not None:
            found = found + node.along(node.bias)
        torch.testing.assert_close(found, z, rtol=1e-10, atol=1e-10)
        pieces = torch.cat([weight for _, weight in node.blocks()])
        assert torch.equal(pieces, node.weight)


def test_which_batchnorms_are_folded():
    def normalisations(name, fold=True):
        nodes = read(record(*small(name)), fold).nodes
        return sum(isinstance(node, Normalisation) for node in nodes)

    assert normalisations("vgg_bn") == 0
    assert normalisations("resnet") == 0
    # In front of the first convolution of each of 4 layers, of the transition, and at the end.
    assert normalisations("densenet") == 6
    assert normalisations("vgg_bn", fold=False) == 3


def test_two_batchnorms_are_folded_one_after_the_other():
    net = nn.Sequential(
        OrderedDict(conv=nn.Conv2d(3, 4, 3), one=nn.BatchNorm2d(4), two=nn.BatchNorm2d(4)),
    )
    net.extend([nn.Flatten(), nn.Linear(144, 4)])
    clf = Classifier(drawn(net), CLASSES, (8, 8))
    graph = read(record(clf, nets.oracle("x")[:, :, :8, :8]))
    assert len(graph.nodes) == 3
    assert graph.value_of("conv") == graph.value_of("one") == graph.value_of("two")
    assert gradients(graph, (0,), graph.value_of("conv")).abs().max() > 0


@pytest.mark.parametrize("name", ["sequences", "read twice"])
def test_batchnorms_that_cannot_be_folded(name):
    def run(net, x):
        x = x.mean((1, 3)) if name == "read twice" else x.mean(1)
        x = net.fc(x)
        x = net.norm(x) + x
        return net.last(x if name == "read twice" else x.mean(1))

    net = Net(run, fc=nn.Linear(6, 6), norm=nn.BatchNorm1d(6), last=nn.Linear(6, 4))
    clf = Classifier(drawn(net), CLASSES, (6, 6))
    x = nets.oracle("x")[:, :, :6, :6]
    graph = read(record(clf, x))
    assert sum(isinstance(node, Normalisation) for node in graph.nodes) == 1
    point = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(clf.logits(point)[:, 2].sum(), point)
    torch.testing.assert_close(gradients(graph, (2,))[0], expected, rtol=1e-10, atol=1e-14)


def test_layers_name_what_their_modules_gave():
    clf = nets.classifier("VGGSmallBN")
    x = nets.oracle("x")
    kept = {}
    for name in ("conv3", "bn3", "relu3", "pool2", "fc2"):
        clf.module.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: kept.update({name: output})
        )
    tape = record(clf, x)
    for fold in (False, True):
        graph = read(tape, fold)
        for name, output in kept.items():
            wanted = kept["bn3"] if fold and name == "conv3" else output
            assert torch.equal(graph.values[graph.value_of(name)], wanted)
    assert torch.equal(graph.values[graph.output], kept["fc2"])
    assert graph.values[0] is x


def test_a_signal_is_led_back_to_any_layer():
    clf = nets.classifier("ResSmall")
    x, kept = nets.oracle("x"), []
    clf.module.block1.register_forward_hook(lambda module, inputs, output: kept.append(output))
    graph = read(record(clf, x))
    stop = graph.value_of("block1")
    start = torch.zeros(1, 2, 5, dtype=torch.float64)
    start[..., 4] = 1
    found = lead_back(graph, start, chain_rule(graph), "the chain rule", stop)[0]
    logits = clf.logits(x.clone().requires_grad_())
    (expected,) = torch.autograd.grad(logits[:, 4].sum(), kept[-1])
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)


def test_a_module_may_be_used_twice_and_a_value_added_to_itself():
    def run(net, x):
        net.aside(x)
        x = net.twice(net.twice(x).relu())
        return net.fc((x + x).sum((2, 3)))

    convolutions = {name: nn.Conv2d(3, 3, 1) for name in ("twice", "unused", "aside")}
    net = Net(run, **convolutions, fc=nn.Linear(3, 4))
    clf = Classifier(drawn(net), CLASSES, (6, 6))
    x = nets.oracle("x")[:, :, :6, :6]
    graph = read(record(clf, x))
    point = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(clf.logits(point)[:, 2].sum(), point)
    torch.testing.assert_close(gradients(graph, (2,))[0], expected, rtol=1e-10, atol=1e-14)
    with pytest.raises(MethodError, match="'twice' has no single output: the model uses it 2"):
        graph.value_of("twice")
    with pytest.raises(MethodError, match="'unused' has no single output: the model does not"):
        graph.value_of("unused")
    assert not graph.leads_to_logits(graph.value_of("aside"))
    assert graph.leads_to_logits(0)
    assert torch.equal(
        gradients(graph, (2, 1), graph.value_of("aside")), torch.zeros(2, 2, 3, 6, 6)
    )


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (lambda x: x * x, Activation),
        (lambda x: 1 / x, Activation),
        (lambda x: x * x.flip(1), Node),
        (lambda x: 1 / x.flip(1).sum(1, keepdim=True) * x, Node),
        (lambda x: x / 2, Constant),
        (lambda x: 2 - x, Constant),
        (lambda x: -x, Constant),
        (lambda x: x + x.mean((2, 3), keepdim=True), Adding),
        (lambda x: x - x.flip(3), Subtracting),
        (lambda x: x.clamp(0, 2), Rectifier),
        (lambda x: x.clamp(-1, 2), Activation),
        (lambda x: x.softmax(1), Node),
        (lambda x: F.dropout(x.neg(), 0.5, False), Constant),  # returns what it is given
        (lambda x: F.dropout(x, 0.5), Node),
        (lambda x: F.conv2d(torch.ones(2, 3, 6, 6), x[:1]), Node),
        (lambda x: torch.ones(2, 3, 6, 6) * x[:, :1], Node),
        (lambda x: F.interpolate(x, scale_factor=2), Averaging),
        (lambda x: F.max_pool2d(x, 3, 2, 1), MaxPool),
        (lambda x: x.amax((2, 3)), Node),
        (lambda x: x[:, [2, 0]], Rearranging),
        (lambda x: x.flatten()[x.flatten(1).argmax(1)], Node),
    ],
)
def test_the_kind_of_a_step(step, kind):
    with torch.random.fork_rng():
        tape = record_module(Of(step), torch.ones(2, 3, 6, 6))
    assert type(read(tape).nodes[-1]) is kind


def test_the_tape_repeats_its_steps():
    clf = nets.classifier("ResSmall")
    x = nets.oracle("x")
    tape = record(clf, x)
    assert torch.equal(tape.values[tape.output], clf.logits(x))
    values = {0: x.flip(0)}
    for step in tape.steps:
        given = step.call(*(values[number] for number in step.inputs))
        values.update(zip(step.outputs, given, strict=True))
    torch.testing.assert_close(values[tape.output], clf.logits(x.flip(0)), rtol=1e-12, atol=0)


def test_recording_leaves_no_hook():
    clf = nets.classifier("VGGSmall")
    record(clf, nets.oracle("x"))
    with pytest.raises(RuntimeError):
        record(clf, nets.oracle("x")[:, :2])
    assert not any(
        module._forward_hooks or module._forward_pre_hooks for module in clf.module.modules()
    )


def test_one_recording_serves_a_panel():
    clf = nets.classifier("VGGSmallBN")
    x = nets.oracle("x")
    with Sharing({}).active():
        assert recorded(clf, x) is recorded(clf, x)
        assert read_shared(clf, x, True) is read_shared(clf, x, True)
        assert read_shared(clf, x, False).values is read_shared(clf, x, True).values
        with alone():
            assert recorded(clf, x) is not recorded(clf, x)
    assert recorded(clf, x) is not recorded(clf, x)


def test_a_step_without_a_rule_is_an_error_that_names_it():
    clf, x = small("product")
    graph = read(record(clf, x))
    rules = {kind: rule for kind, rule in chain_rule(graph).items() if kind is not Activation}
    start = torch.ones(1, 2, 4, dtype=torch.float64)
    with pytest.raises(
        MethodError, match=r"^Mine has no rule for the step 'gelu' .*; saliency or "
    ):
        lead_back(graph, start, rules, "Mine")


def test_variants_go_back_as_they_do_alone():
    clf, x = small("shufflenet")
    graph = read(record(clf, x))
    together = gradients(graph, (0, 1, 2))
    for row, one in zip(together, (0, 1, 2), strict=True):
        torch.testing.assert_close(row, gradients(graph, (one,))[0], rtol=1e-11, atol=1e-13)
