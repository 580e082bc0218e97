"""What outputs mean: scores, not probabilities, are explained, and probabilities are right."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.networks import Net
from xai_core.apem.perturbation import Perturbation
from xai_core.errors import ModelError
from xai_core.explainers import METHODS, explain
from xai_core.models import Classifier
from xai_core.models.outputs import log_probabilities, scored

NAMES = ["cat", "dog", "cup"]
METHODS_TRIED = ("saliency", "lrp_epsilon", "deeplift", "gradcam", "guided_backprop")


def network(classes=3, end=lambda z: z, layer=None):
    """Convolution, ReLU, mean, Linear, and an end to be filled in."""

    def run(net, x):
        x = net.fc(net.relu(net.conv(x)).mean((2, 3)))
        return end(x if layer is None else net.last(x))

    torch.manual_seed(0)
    layers = {"conv": nn.Conv2d(3, 4, 3), "relu": nn.ReLU(), "fc": nn.Linear(4, classes)}
    return Net(run, **layers, **({} if layer is None else {"last": layer}))


def classifier(net, names=NAMES, **options):
    return Classifier(net.double(), names, (8, 8), **options)


def pictures(count=2):
    generator = torch.Generator().manual_seed(5)
    return torch.rand(count, 3, 8, 8, dtype=torch.float64, generator=generator)


ENDS = {
    "softmax": ({"end": lambda z: z.softmax(1)}, "softmax", "'softmax' in the model"),
    "functional": ({"end": lambda z: F.softmax(z, dim=1)}, "softmax", "'softmax' in the model"),
    "module": ({"layer": nn.Softmax(1)}, "softmax", "'softmax' in layer 'last'"),
    "log": ({"layer": nn.LogSoftmax(1)}, "softmax", "'log_softmax' in layer 'last'"),
    "reshaped": ({"end": lambda z: z.softmax(1).view(-1, 3)}, "softmax", "'softmax'"),
    "float64": (
        {"end": lambda z: z.float().softmax(1).double()},
        "softmax",
        "'softmax' in the model",
    ),
    "sigmoid": ({"end": torch.sigmoid}, "sigmoid", "'sigmoid' in the model"),
    "sigmoid module": ({"layer": nn.Sigmoid()}, "sigmoid", "'sigmoid' in layer 'last'"),
    "two softmax": (
        {"layer": nn.Softmax(1), "end": lambda z: (9 * z).softmax(1)},
        "softmax",
        "'softmax' in the model",
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_the_score_before_a_last_softmax_or_sigmoid_is_explained(case):
    options, kind, step = ENDS[case]
    net = network(**options)
    clf, x = classifier(net), pictures()
    assert clf.outputs == kind
    (note,) = clf.notes
    assert step in note
    assert "the score before it is explained" in note
    if case != "two softmax":
        assert torch.allclose(clf.logits(x), network().double()(x))
    said = net(x).exp() if case == "log" else net(x)
    assert torch.allclose(clf.probabilities(clf.logits(x)), said)
    assert clf.layers() == ["conv", "fc"]
    assert clf.cam_layer == "relu" or clf.cam_layer == "conv"


@pytest.mark.parametrize("method", METHODS_TRIED)
def test_every_method_sees_the_network_without_its_end(method):
    x = pictures()
    for end in ({"end": lambda z: z.softmax(1)}, {"layer": nn.Sigmoid()}):
        found = explain(classifier(network(**end)), x, [0, 2], method)
        assert torch.allclose(found, explain(classifier(network()), x, [0, 2], method), rtol=1e-12)


def test_scores_are_softmax_unless_labels_are_told():
    clf, x = classifier(network()), pictures()
    assert (clf.outputs, clf.notes) == ("softmax", [])
    assert torch.allclose(clf.probabilities(clf.logits(x)), network().double()(x).softmax(1))
    labels = classifier(network(), outputs="sigmoid")
    assert torch.allclose(labels.probabilities(labels.logits(x)), network().double()(x).sigmoid())
    assert labels.fingerprint != clf.fingerprint


@pytest.mark.parametrize(
    ("net", "names", "outputs", "sentence"),
    [
        (
            lambda: network(layer=nn.Softmax(1)),
            NAMES,
            "sigmoid",
            "ends in a softmax, so its outputs",
        ),
        (
            lambda: network(layer=nn.Sigmoid()),
            NAMES,
            "softmax",
            "ends in a sigmoid, so its outputs",
        ),
        (lambda: network(1), ["cat", "dog"], "softmax", "1 for every picture"),
        (lambda: network(1, layer=nn.Softmax(1)), ["cat"], None, "1 for every picture"),
        (network, NAMES, "tanh", "softmax or sigmoid, not 'tanh'"),
        (lambda: network(2), NAMES, None, r"shape \[2\], but 3 class names"),
        (
            lambda: network(end=lambda z: z.exp() / z.exp().sum(1, keepdim=True)),
            NAMES,
            None,
            "probabilities .* add up to 1",
        ),
        (
            lambda: network(end=lambda z: z - z.logsumexp(1, keepdim=True)),
            NAMES,
            None,
            "probabilities .* add up to 1",
        ),
        (
            lambda: network(end=lambda z: (z.softmax(1) + (2 * z).softmax(1)) / 2),
            NAMES,
            None,
            "probabilities .* add up to 1",
        ),
    ],
)
def test_what_does_not_fit_is_refused(net, names, outputs, sentence):
    with pytest.raises(ModelError, match=sentence):
        classifier(net(), names, outputs=outputs)


CHANGED = {
    "clamped softmax": (lambda z: z.softmax(1).clamp(1e-7, 1), "softmax"),
    "clamped sigmoid": (lambda z: z.sigmoid().clamp(1e-6, 1 - 1e-6), "sigmoid"),
    "ReLU of a sigmoid": (lambda z: z.sigmoid().relu(), "sigmoid"),
    "ReLU in place": (lambda z: z.sigmoid().relu_(), "sigmoid"),
    "clamped logarithm": (lambda z: z.log_softmax(1).clamp(min=-100), "log_softmax"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_what_would_change_scores_after_a_softmax_or_sigmoid_is_refused(case):
    end, step = CHANGED[case]
    sentence = (
        f"changes what its last step '{step}' in the model gives; let it return the scores before"
    )
    with pytest.raises(ModelError, match=sentence):
        classifier(network(end=end))


@pytest.mark.parametrize("end", [lambda z: 1 / (1 + torch.exp(-z)), F.hardsigmoid])
@pytest.mark.parametrize("classes", [1, 3])
def test_outputs_that_look_like_probabilities_are_said(end, classes):
    clf = classifier(network(classes, end=end), NAMES[:classes])
    (note,) = clf.notes
    assert "All outputs lie between 0 and 1" in note


@pytest.mark.parametrize("end", [torch.zeros_like, lambda z: F.pad(z.sigmoid()[:, 1:], (0, 1))])
def test_zeros_do_not_look_like_probabilities(end):
    net, x = network(end=end).double(), pictures()
    assert scored(net, x, net(x).detach(), NAMES, None).notes == ()


ONE = {
    "linear": {},
    "squeezed": {"end": lambda z: z.squeeze(1)},
    "sigmoid": {"layer": nn.Sigmoid()},
    "squeezed sigmoid": {"end": lambda z: z.sigmoid().squeeze(1)},
    "not linear": {"end": lambda z: 2 * z},
}


@pytest.mark.parametrize("case", ONE)
def test_one_score_for_two_classes_is_that_of_the_second(case):
    clf, x = classifier(network(1, **ONE[case]), ["no", "yes"]), pictures()
    z = network(1).double()(x) * (2 if case == "not linear" else 1)
    assert clf.outputs == "binary"
    assert torch.allclose(clf.logits(x), torch.cat([-z, z], 1))
    found = clf.probabilities(clf.logits(x))
    assert torch.allclose(found[:, 1], z[:, 0].sigmoid())
    assert torch.allclose(found.sum(1), torch.ones(2, dtype=torch.float64))
    assert "'yes' is explained by z, 'no' by -z" in clf.notes[-1]
    yes, no = (explain(clf, x, target, "input_x_gradient") for target in (1, 0))
    point = x.clone().requires_grad_()
    factor = 2 if case == "not linear" else 1
    (gradient,) = torch.autograd.grad(factor * network(1).double()(point).sum(), point)
    assert torch.allclose(yes, x * gradient)
    assert torch.allclose(no, -yes)


def test_the_probability_of_one_score_by_hand():
    # z = 3 * mean - 1; a picture of 0.5 gives 0.5, whose sigmoid is 1 / (1 + e^-0.5).
    net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 1))
    with torch.no_grad():
        net[2].weight.fill_(1.0)
        net[2].bias.fill_(-1.0)
    clf = classifier(net, ["yes"])
    x = torch.full((1, 3, 8, 8), 0.5, dtype=torch.float64)
    assert clf.probabilities(clf.logits(x)).item() == pytest.approx(1 / (1 + math.exp(-0.5)))
    assert clf.outputs == "sigmoid"


def test_methods_with_rules_work_on_a_doubled_last_layer():
    clf, x = classifier(network(1), ["no", "yes"]), pictures()
    for method in METHODS_TRIED:
        assert method in METHODS
        one = explain(classifier(network(1), ["yes"]), x, 0, method)
        assert torch.allclose(explain(clf, x, 1, method), one, rtol=1e-9)


@pytest.mark.parametrize("outputs", ["softmax", "sigmoid", "binary"])
def test_logarithms_are_those_of_the_probabilities(outputs):
    # Of -1 and 1: softmax 1 / (1 + e^2) and its rest, sigmoids 1 / (1 + e) and its rest.
    low = 1 / (1 + math.e ** (2 if outputs == "softmax" else 1))
    found = log_probabilities(torch.tensor([-1.0, 1.0]), outputs)
    assert found.exp().tolist() == pytest.approx([low, 1 - low])


def test_apem_needs_an_answer_that_can_change():
    x = pictures()
    with pytest.raises(ModelError, match="do not exclude each other"):
        Perturbation(classifier(network(), outputs="sigmoid"), x)
    found = Perturbation(classifier(network(1), ["no", "yes"]), x)
    z = network(1).double()(point := x.clone().requires_grad_())
    assert torch.equal(found.classes, (z[:, 0] > 0).long())
    loss = F.binary_cross_entropy_with_logits(z, (z > 0).double(), reduction="sum")
    assert torch.equal(found.signs, torch.autograd.grad(loss, point)[0].sign())


def test_a_final_softmax_that_comes_and_goes_is_refused():
    clf = classifier(network(end=lambda z: z.softmax(1) if len(z) < 5 else z))
    with pytest.raises(ModelError, match="same softmax or sigmoid on every input"):
        clf.logits(pictures(6))


def test_twins_of_a_changed_ending_share_weights_and_have_their_own_modules():
    clf, x = classifier(network(layer=nn.Softmax(1))), pictures()
    twin = clf.private()
    assert twin.module.conv is not clf.module.conv
    assert twin.module.conv.weight is clf.module.conv.weight
    assert torch.equal(twin.logits(x), clf.logits(x))
    assert twin.fingerprint == clf.fingerprint
    twin.module.train()
    assert twin.module.__dict__["inner"].training
    twin.module.eval()
    assert not twin.module.__dict__["inner"].training
    twin.module.fc.weight = nn.Parameter(torch.zeros(3, 4, dtype=torch.float64))
    assert not torch.equal(twin.logits(x), clf.logits(x))
