"""Networks are taken as they are: copied, never rewritten, and refused only where they must be."""

import copy
import pickle
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from tests.networks import GuidedReLU, Net, pictures
from xai_core.errors import ModelError
from xai_core.explainers import explain
from xai_core.models.classifier import Classifier
from xai_core.models.copies import private_copy

PROBE = torch.zeros(2, 3, 8, 8)


def network(step, relu=None):
    """Two layers; ``step`` is what stands between them, ``relu`` a module it may use."""

    def run(net, x):
        x = step(net, net.conv1(x))
        x = step(net, net.conv2(x))
        return net.fc(x.mean((2, 3)))

    torch.manual_seed(0)
    layers = {"conv1": nn.Conv2d(3, 4, 3), "conv2": nn.Conv2d(4, 4, 3), "fc": nn.Linear(4, 5)}
    return Net(run, **layers, relu=nn.ReLU() if relu is None else relu)


def branching(net, x):
    if x.sum() > -1e9:
        return F.relu(x)
    return x


def asserting(net, x):
    assert x.shape[1] == 4, f"four channels, not {x.shape[1]}"
    return F.relu(x)


def optional(net, x, act=None):
    act = net.relu if act is None else act
    return act(x)


def looping(net, x):
    for _ in range(int(x.shape[2] > 2)):
        x = net.relu(x)
    return x


STEPS = {
    "function": (lambda net, x: F.relu(x), None),
    "one module": (lambda net, x: net.relu(x), None),
    "one module in place": (lambda net, x: net.relu(x), nn.ReLU(inplace=True)),
    "a block": (lambda net, x: net.relu[0](x), nn.Sequential(nn.ReLU())),
    "branch": (branching, None),
    "assertion": (asserting, None),
    "optional argument": (optional, None),
    "loop": (looping, nn.ReLU(inplace=True)),
}
METHODS = ("guided_backprop", "deconvnet", "rectgrad", "lrp_epsilon", "deeplift", "gradcam")


def classifier(step, relu=None):
    return Classifier(network(step, relu).double(), list("abcde"), (8, 8))


@pytest.mark.parametrize("kind", STEPS)
def test_reuse_functions_and_control_flow_are_no_reason_to_refuse(kind):
    separate = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(4, 4, 3),
            relu2=nn.ReLU(),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
            fc=nn.Linear(4, 5),
        )
    )
    separate.load_state_dict(network(branching).state_dict())
    plain = Classifier(separate.double(), list("abcde"), (8, 8))
    clf, x = classifier(*STEPS[kind]), pictures(8, 8)
    assert not clf.unrecorded
    assert list(clf.module.state_dict()) == list(separate.state_dict())
    for method in METHODS:
        options = {"layer": "conv1"} if method == "gradcam" else {}
        expected = explain(plain, x, [3, 1], method, **options)
        assert expected.any()
        found = explain(clf, x, [3, 1], method, **options)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_the_original_is_left_alone():
    net = network(lambda net, x: net.relu(x), nn.ReLU(inplace=True)).train()
    before = copy.deepcopy(net.state_dict())
    twin = private_copy(net, PROBE)
    assert net.training
    assert not twin.training
    assert type(twin) is Net
    assert str(twin) == str(net)
    assert all(weights.requires_grad for weights in net.parameters())
    assert not any(weights.requires_grad for weights in twin.parameters())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    pairs = zip(net.parameters(), twin.parameters(), strict=True)
    assert all(a.data_ptr() != b.data_ptr() for a, b in pairs)


def test_models_that_do_not_run_are_refused_with_their_reason():
    names = ["one", "two"]
    with pytest.raises(ModelError, match=r"cannot take an input of shape \[3, 3, 8, 8\]: "):
        Classifier(nn.Conv2d(4, 4, 1), names, (8, 8))

    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(ModelError, match="one tensor of logits"):
        Classifier(Pair(), names, (8, 8))


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_is_refused():
    with pytest.raises(ModelError, match="TorchScript"):
        private_copy(torch.jit.trace(nn.Flatten(), PROBE), PROBE)


@pytest.mark.parametrize("error", [copy.Error, pickle.PicklingError])
def test_what_cannot_be_copied_is_named(error):
    class Unwilling:
        def __reduce_ex__(self, protocol):
            raise error("not this one")

    net = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))
    net[1].handle = Unwilling()
    with pytest.raises(ModelError, match="layer '1' keeps a Unwilling in its attribute 'handle'"):
        private_copy(net, PROBE)


# In place


def overwriting(net, x):
    """Begins by changing what it is given, and overwrites what its layers gave."""
    x -= 0.1
    x.div_(0.7)
    x = F.relu(net.norm(net.conv1(x)), inplace=True)
    first = x
    x = net.conv2(x)
    x += first
    x.relu_()
    x = x.mean((2, 3))
    x *= 2
    return net.fc(x)


def keeping(net, x):
    x = (x - 0.1) / 0.7
    first = F.relu(net.norm(net.conv1(x)))
    x = F.relu(net.conv2(first) + first)
    return net.fc(x.mean((2, 3)) * 2)


def of_two_convolutions(run):
    torch.manual_seed(0)
    layers = {"conv1": nn.Conv2d(3, 4, 3, padding=1), "norm": nn.BatchNorm2d(4)}
    layers |= {"conv2": nn.Conv2d(4, 4, 3, padding=1), "fc": nn.Linear(4, 5)}
    return Classifier(Net(run, **layers).double(), list("abcde"), (8, 8))


ALL = {
    "saliency": {},
    "input_x_gradient": {},
    "integrated_gradients": {"steps": 5},
    "fullgrad": {},
    "gradcam": {"layer": "conv1"},
    "gradcam_elementwise": {"layer": "conv2", "relu": False},
    "gradcam_pp": {"layer": "norm"},
    "guided_gradcam": {"layer": "conv2"},
    "guided_backprop": {},
    "deconvnet": {},
    "rectgrad": {},
    "lrp_epsilon": {},
    "deep_taylor": {},
    "excitation_backprop": {"layer": "conv1"},
    "deeplift": {},
}


def test_what_a_network_overwrites_is_explained_as_it_was():
    one, other = map(of_two_convolutions, (overwriting, keeping))
    x = pictures(8, 8)
    before = x.clone()
    torch.testing.assert_close(one.logits(x), other.logits(x), rtol=1e-12, atol=1e-12)
    for method, options in ALL.items():
        expected = explain(other, x, [3, 1], method, **options)
        assert expected.any()
        found = explain(one, x, [3, 1], method, **options)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)
    assert torch.equal(x, before)


def test_a_layer_whose_output_is_overwritten_under_another_name():
    """A layer hands its input on, which the network then overwrites."""

    def handing(step):
        def run(net, x):
            x = net.conv(x)
            net.same(x)
            return net.fc(step(x).mean((2, 3)))

        torch.manual_seed(0)
        layers = {"conv": nn.Conv2d(3, 4, 3), "same": nn.Identity(), "fc": nn.Linear(4, 5)}
        return Classifier(Net(run, **layers).double(), list("abcde"), (8, 8))

    x = pictures(8, 8)
    maps = [
        explain(handing(step), x, 2, "gradcam_pp", layer="conv")
        for step in (torch.relu_, torch.relu)
    ]
    assert maps[0].any()
    torch.testing.assert_close(maps[0], maps[1], rtol=1e-12, atol=0)


# Networks that people bring


class Lite(nn.Module):
    """A block as in a widespread EfficientNet-Lite: one ReLU6 for all, in place."""

    def __init__(self, shared):
        super().__init__()
        torch.manual_seed(0)
        act = nn.ReLU6(inplace=True)
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6), act)
        self.expand, self.norm1 = nn.Conv2d(6, 12, 1, bias=False), nn.BatchNorm2d(12)
        self.depth = nn.Conv2d(12, 12, 3, 1, 1, groups=12, bias=False)
        self.norm2, self.project = nn.BatchNorm2d(12), nn.Conv2d(12, 6, 1, bias=False)
        self.norm3, self.fc = nn.BatchNorm2d(6), nn.Linear(6, 5)
        self.relu = act if shared else nn.ReLU6()
        self.others = [self.relu, self.relu] if shared else [nn.ReLU6(), nn.ReLU6()]

    def forward(self, inputs, drop_connect_rate=None):
        identity = x = self.stem(inputs)
        x = self.others[0](self.norm1(self.expand(x)))
        x = self.others[1](self.norm2(self.depth(x)))
        x = self.norm3(self.project(x))
        if drop_connect_rate and self.training:
            x = F.dropout(x, drop_connect_rate)
        assert x.shape == identity.shape
        x += identity
        return self.fc(self.relu(x).mean((2, 3)))


def test_an_efficientnet_lite_with_one_relu6():
    x, maps = pictures(8, 8), []
    for shared in (True, False):
        clf = Classifier(Lite(shared).double(), list("abcde"), (8, 8))
        maps.append(
            [
                explain(clf, x, 2, method, **{"layer": "depth"} if "cam" in method else {})
                for method in METHODS
            ]
        )
    for one, other in zip(*maps, strict=True):
        assert one.any()
        torch.testing.assert_close(one, other, rtol=1e-12, atol=0)


TORCHVISION = {
    "resnet18": {},
    "googlenet": {"init_weights": False, "aux_logits": True},
    "inception_v3": {"init_weights": False, "aux_logits": True},
    "mobilenet_v2": {},
    "densenet121": {},
    "squeezenet1_1": {},
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_classifiers_are_explained_as_autograd_explains_them(name):
    """Guided backpropagation, against ReLUs that are replaced from outside while it runs."""
    torch.manual_seed(0)
    net = models.get_model(name, weights=None, num_classes=7, **TORCHVISION[name]).double().eval()
    side = {"inception_v3": 75}.get(name, 64)
    clf = Classifier(net, list("abcdefg"), (side, side))
    assert not clf.unrecorded
    x = pictures(side, side)
    assert torch.equal(clf.logits(x), net(x))
    found = explain(clf, x, [3, 1], "guided_backprop")
    point = x.clone().requires_grad_()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(F, "relu", lambda a, inplace=False: GuidedReLU.apply(a, torch.inf))
        patch.setattr(F, "relu6", lambda a, inplace=False: GuidedReLU.apply(a, 6.0))
        patch.setattr(F, "hardtanh", lambda a, low, high, inplace=False: GuidedReLU.apply(a, high))
        scores = net(point).gather(1, torch.tensor([[3], [1]]))
    (expected,) = torch.autograd.grad(scores.sum(), point)
    scale = expected.abs().max().item()
    assert scale > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * scale)
