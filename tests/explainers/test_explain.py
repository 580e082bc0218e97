"""What ``explain`` accepts, and what it says to the rest."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.networks import Net, Of, between
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
        ("fc1", "'fc1' gives no maps"),
        ("flatten", "'flatten' gives no maps"),
        ("spare", "does not use it"),
        ("twice", "uses it 2 times"),
        ("side", "do not depend on layer 'side'"),
        ("conv9", "no layer 'conv9'"),
    ],
)
@pytest.mark.parametrize("method", ["gradcam", "guided_gradcam", "excitation_backprop", "cmwp"])
def test_layers_without_a_map(layer, message, method):
    def run(net, x):
        net.side(x)
        x = net.twice(net.twice(x))
        return net.fc1(net.flatten(net.relu(net.conv(x))))

    layers = {name: nn.Conv2d(3, 4, 3) for name in ("conv", "spare", "side")}
    layers |= {"twice": nn.Conv2d(3, 3, 1), "relu": nn.ReLU(), "flatten": nn.Flatten()}
    net = Net(run, **layers, fc1=nn.Linear(4 * 6 * 6, 5))
    clf = Classifier(net.double(), nets.CLASSES, (8, 8))
    with pytest.raises((MethodError, ModelError), match=message):
        explain(clf, X[:, :, :8, :8], 0, method, layer=layer)


# By the title in the errors. FullGrad has a sentence of its own: test_fullgrad.
RULED = {
    "lrp_epsilon": "LRP-ε",
    "lrp_alpha3_beta2": "LRP-αβ",
    "deep_taylor": "Deep Taylor",
    "excitation_backprop": "Excitation backprop",
    "cmwp": "Contrastive excitation backprop",
    "rap": "RAP",
    "pattern_attribution": "PatternAttribution",
    "deeplift": "DeepLIFT",
    "deeplift_rc": "DeepLIFT RevealCancel",
    "deepshap": "DeepSHAP",
}


@pytest.mark.parametrize("method", RULED)
@pytest.mark.parametrize(
    ("layer", "step"),
    [
        (Of(lambda x: x * x.mean((2, 3), keepdim=True)), "mul"),
        (Of(lambda x: x @ x.transpose(2, 3)), "matmul"),
        (nn.Softmax(1), "softmax"),
        (nn.GroupNorm(2, 4), "group_norm"),
        (nn.InstanceNorm2d(4), "instance_norm"),
        (nn.LPPool2d(2, 2), "lp_pool2d"),
        (nn.GELU(), "gelu"),
        (nn.SiLU(), "silu"),
    ],
)
def test_steps_without_a_rule_are_refused_by_name(layer, step, method):
    clf, x = between(layer), X[:, :, :12, :12]
    params = {param.name for param in METHODS[method].params}
    given = {"layer": "body.0"} if "layer" in params else {}
    if "baselines" in params:
        given["baselines"] = x
    if step in ("gelu", "silu") and METHODS[method].family == "path":  # these have a rule for it
        assert explain(clf, x, 0, method, **given).any()
        return
    message = (
        rf"{RULED[method]} has no rule for the step '{step}' in layer 'body\.1'; saliency or int"
    )
    with pytest.raises(MethodError, match=message):
        explain(clf, x, 0, method, **given)


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
