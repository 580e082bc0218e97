"""What ``explain`` accepts, and what it says to the rest."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import METHODS, Method, explain
from xai_core.explainers.registry import register
from xai_core.models.classifier import Classifier

X = nets.oracle("x")


@pytest.fixture
def clf():
    return nets.classifier("VGGSmall")


@pytest.mark.parametrize(
    "targets",
    [[3, 3], (3, 3), np.array([3, 3]), torch.tensor([3, 3], dtype=torch.int32), np.int64(3)],
)
def test_targets_may_be_one_class_or_one_for_each_image(targets, clf):
    assert torch.equal(explain(clf, X, targets), explain(clf, X, 3))


@pytest.mark.parametrize(
    "targets", [[1, 2, 3], [1], 1.0, [0.0, 1.0], "cat", None, [[1, 2]], [True, False], ["a", "b"]]
)
def test_other_targets_are_refused(targets, clf):
    with pytest.raises(MethodError, match="targets must be"):
        explain(clf, X, targets)


@pytest.mark.parametrize(
    "x", [X[0], X[:, :1], X[:0], X.numpy(), torch.zeros(2, 3, 0, 4, dtype=torch.float64)]
)
def test_only_batches_of_pictures_are_explained(x, clf):
    with pytest.raises(MethodError, match=r"pictures \[N, 3, height, width\]"):
        explain(clf, x, 0)


def test_the_type_must_be_the_models(clf):
    with pytest.raises(MethodError, match=r"float32 on cpu, but Model needs torch\.float64"):
        explain(clf, X.float(), 0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_input_must_be_finite(value, clf):
    x = X.clone()
    x[1, 2, 3, 4] = value
    with pytest.raises(MethodError, match="input has values that are not finite"):
        explain(clf, x, 0)


def test_pictures_of_a_size_that_the_model_cannot_take(clf):
    with pytest.raises(MethodError, match=r"made for pictures of 32 × 32 pixels .* 20 × 32"):
        explain(clf, X[:, :, :20], 0)


def test_another_size_is_fine_where_the_model_takes_it():
    clf = nets.classifier("ResSmall")
    assert explain(clf, X[:, :, :20], 0).shape == (2, 3, 20, 32)


def test_an_unknown_method_is_an_error_that_lists_the_known(clf):
    with pytest.raises(MethodError, match=r"no method 'grad'; there are: saliency, .*random\."):
        explain(clf, X, 0, "grad")


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("fc1", "no maps"),
        ("flatten", "no maps"),
        ("spare", "does not use it"),
        ("twice", "uses it 2 times"),
        ("side", "do not depend on layer 'side'"),
        ("conv9", "no layer 'conv9'"),
    ],
)
@pytest.mark.parametrize("method", ["gradcam", "guided_gradcam"])
def test_layers_without_a_map(layer, message, method):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.spare, self.side = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
            self.twice = nn.Conv2d(3, 3, 1)
            self.relu, self.flatten = nn.ReLU(), nn.Flatten()
            self.fc1 = nn.Linear(4 * 30 * 30, 5)

        def forward(self, x):
            self.side(x)
            x = self.twice(self.twice(x))
            return self.fc1(self.flatten(self.relu(self.conv(x))))

    clf = Classifier(Net().double(), nets.CLASSES, nets.SIZE)
    with pytest.raises((MethodError, ModelError), match=message):
        explain(clf, X, 0, method, layer=layer)


def test_a_network_without_convolutions_has_no_default_layer():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 5)).double()
    with pytest.raises(ModelError, match="no convolution"):
        explain(Classifier(net, nets.CLASSES, nets.SIZE), X, 0, "gradcam")


@pytest.mark.parametrize("method", ["guided_backprop", "deconvnet", "guided_gradcam"])
@pytest.mark.parametrize(
    ("activation", "message"),
    [
        (nn.SiLU(), "'silu' in layer 'act'"),
        (nn.GELU(), "'gelu' in layer 'act'"),
        (nn.LeakyReLU(), "'leaky_relu' in layer 'act'"),
        (nn.Identity(), "has none"),
    ],
)
def test_networks_without_relus_are_refused(method, activation, message):
    layers = OrderedDict(
        conv=nn.Conv2d(3, 2, 3), act=activation, flatten=nn.Flatten(), fc=nn.Linear(2 * 30 * 30, 5)
    )
    clf = Classifier(nn.Sequential(layers).double(), nets.CLASSES, nets.SIZE)
    with pytest.raises(MethodError, match=f"{message}.*saliency"):
        explain(clf, X, 0, method)


def test_a_method_enters_the_table_under_its_name_or_the_given_id():
    known = dict(METHODS)
    facts = {
        "title": "T",
        "family": "control",
        "signed": True,
        "citation": "c",
        "shows": "s.",
        "formula": "R",
    }
    try:

        @register(**facts)
        def plain(clf, x, targets):
            return x

        @register(id="other", **facts)
        def named(clf, x, targets):
            return x

        assert isinstance(METHODS["plain"], Method)
        assert METHODS["plain"].function is plain
        assert METHODS["other"].function is named
        assert "named" not in METHODS
    finally:
        METHODS.clear()
        METHODS.update(known)
