"""Gradients that are not the slope of the scores: found, named, and only used when it is meant."""

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint

from tests.networks import Net
from xai_core.errors import ModelError
from xai_core.explainers import explain
from xai_core.models import Classifier

NAMES = ["cat", "dog", "cup"]


def network(step=lambda x: x):
    """Convolution, a step to be filled in, ReLU, mean, Linear."""
    torch.manual_seed(0)
    layers = {"conv": nn.Conv2d(3, 4, 3), "relu": nn.ReLU(), "fc": nn.Linear(4, 3)}
    return Net(lambda net, x: net.fc(net.relu(step(net.conv(x))).mean((2, 3))), **layers).double()


def classifier(net, **options):
    return Classifier(net, NAMES, (8, 8), **options)


def picture():
    return torch.rand(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(5))


def true_gradient(net, x=None):
    point = (picture() if x is None else x).requires_grad_()
    return torch.autograd.grad(net(point)[0, 1], point)[0]


class Straight(torch.autograd.Function):
    """Rounds, and hands the gradient straight through."""

    @staticmethod
    def forward(ctx, x):
        return (x * 4).round() / 4

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Swish(torch.autograd.Function):
    """x * sigmoid(x), with its own derivative."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x.sigmoid()

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        s = x.sigmoid()
        return gradient * (s + x * s * (1 - s))


def without_grad(x):
    with torch.no_grad():
        return x * 2


def hooked(x):
    y = x * 2
    if y.requires_grad:
        y.register_hook(lambda gradient: 3 * gradient)
    return y


def through_numpy(x):
    return torch.from_numpy(x.detach().numpy() * 2)


NONE = "The model's scores have no gradient: "
WRONG = "The model's gradient is not the slope of its scores .*"
REFUSED = {
    "no_grad": (without_grad, f"{NONE}the step 'mul' in the model cuts it"),
    "detach": (lambda x: x.detach() * 2, f"{NONE}the step 'detach' in the model"),
    "data": (lambda x: x.data * 2, f"{NONE}the step 'data' in the model"),
    "numpy": (through_numpy, f"{NONE}the step 'detach' in the model"),
    "numpy without detach": (
        lambda x: torch.from_numpy(x.numpy()),
        "runs without gradients only: the model itself fails with them .*numpy",
    ),
    "partly detached": (
        lambda x: x + 0.5 * x.detach(),
        f"{WRONG}the step 'detach' in the model changes it.*accept_gradients=True",
    ),
    "scaled by a detached size": (
        lambda x: x / x.detach().abs().amax((1, 2, 3), keepdim=True),
        f"{WRONG}the step 'detach'",
    ),
    "tensor hook": (hooked, f"{WRONG}the step 'register_hook' in the model changes it"),
    "straight through": (Straight.apply, f"{WRONG}the step 'Straight' in layer 'relu'"),
    "rounded": (lambda x: (x * 4).round(), "gradient is zero: the step 'round' in the model"),
    "reentrant checkpoint": (
        lambda x: checkpoint(torch.tanh, x, use_reentrant=True),
        "gradient of the model's scores cannot be had: .*[Cc]heckpoint",
    ),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad:UserWarning")
@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_gradient_is_refused_and_its_step_named(case):
    step, sentence = REFUSED[case]
    with pytest.raises(ModelError, match=sentence):
        classifier(network(step))


@pytest.mark.parametrize("step", [Straight.apply, lambda x: x + 0.5 * x.detach()])
def test_what_is_meant_is_accepted_and_said(step):
    clf = classifier(network(step), accept_gradients=True)
    (note,) = clf.notes
    assert "not the slope of its scores" in note
    assert "follow it as it is" in note
    assert torch.allclose(
        explain(clf, picture(), 1, "input_x_gradient"), picture() * true_gradient(network(step))
    )


def test_no_gradient_at_all_cannot_be_accepted():
    with pytest.raises(ModelError, match="no gradient"):
        classifier(network(without_grad), accept_gradients=True)


HARMLESS = {
    "nothing": lambda x: x,
    "own derivative": Swish.apply,
    "a look at the values": lambda x: x if x.detach().mean() < 1e9 else -x,
    "a mask": lambda x: x * (x.detach() > 0),
    "checkpoint": lambda x: checkpoint(torch.tanh, x, use_reentrant=False),
    "smooth": F.gelu,
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_right_gradient_is_not_refused(case):
    net = network(HARMLESS[case])
    clf = classifier(net)
    assert clf.notes == []
    found = explain(clf, picture(), 1, "input_x_gradient")
    assert torch.allclose(found, picture() * true_gradient(net), rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_of_any_type_pass(dtype):
    classifier(network().to(dtype))
    with pytest.raises(ModelError, match="'detach'"):
        classifier(network(lambda x: x + 0.5 * x.detach()).to(dtype))


def test_hooks_of_other_libraries_do_not_reach_the_maps():
    net = network()
    expected = picture() * true_gradient(net)
    heard = []
    net.conv.register_full_backward_hook(lambda _, given, __: tuple(g * 0 for g in given))
    net.relu.register_full_backward_pre_hook(lambda _, given: tuple(5 * g for g in given))
    net.relu.register_forward_hook(
        lambda _, __, out: heard.append(out.requires_grad and out.register_hook(torch.neg))
    )
    net.fc.register_forward_pre_hook(lambda *given: heard.append(given))
    clf = classifier(net)
    heard.clear()
    found = explain(clf, picture(), 1, "input_x_gradient")
    assert torch.allclose(found, expected, rtol=1e-12)
    assert heard == []
    assert net.conv._backward_hooks  # the caller's are where they were
    assert net.fc._forward_pre_hooks


def test_a_forward_hook_that_decides_the_answer_stays():
    net = network()
    net.conv.register_forward_hook(lambda _, __, out: 2 * out)
    clf = classifier(net)
    assert torch.allclose(clf.logits(picture()), net(picture()))


@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("trained", ["weight_norm", "spectral_norm", "pruned"])
def test_hooks_by_which_torch_computes_a_weight_stay(trained):
    net = network()
    if trained == "pruned":
        prune.l1_unstructured(net.conv, "weight", 0.5)
    else:
        getattr(nn.utils, trained)(net.conv)
    net.eval()
    net(picture())  # the weight that is kept is a calculated tensor, which torch cannot copy
    clf = classifier(net)
    assert len(clf.module.conv._forward_pre_hooks) == 1
    assert torch.allclose(clf.logits(picture()), net(picture()))
    expected = picture() * true_gradient(net)
    assert torch.allclose(explain(clf, picture(), 1, "input_x_gradient"), expected)


def test_a_hook_for_all_modules_is_named():
    handle = nn.modules.module.register_module_full_backward_hook(
        lambda _, given, __: tuple(None if g is None else 2 * g for g in given)
    )
    try:
        with pytest.raises(ModelError, match="hook that is registered for all modules"):
            classifier(network())
    finally:
        handle.remove()


def test_what_cannot_be_copied_is_named():
    net = network()
    net.conv.guard = threading.Lock()
    with pytest.raises(ModelError, match="layer 'conv' keeps a lock in its attribute 'guard'"):
        classifier(net)


def test_a_calculated_tensor_that_is_kept_is_copied():
    net = network()
    net.seen = [net.conv.weight * 2]
    assert torch.allclose(classifier(net).logits(picture()), net(picture()))


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "lrp_epsilon", "gradcam"])
def test_checkpointed_networks_are_explained_as_they_are(method):
    one = network(lambda x: checkpoint(torch.relu, x, use_reentrant=False))
    other = network(torch.relu)
    x = picture()
    found, expected = (explain(classifier(net), x, 1, method) for net in (one, other))
    assert torch.allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("method", ["saliency", "integrated_gradients", "lrp_epsilon", "gradcam"])
def test_autocast_and_inference_mode_change_nothing(method):
    net, x = network().float(), picture().float()
    expected, scores = explain(classifier(net), x, 1, method), net(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        clf = classifier(net)
        assert torch.equal(explain(clf, x, 1, method), expected)
        assert torch.equal(clf.logits(x), scores)
    with torch.inference_mode():
        clf = classifier(net)
        assert torch.equal(explain(clf, x.clone(), 1, method), expected)
