"""After repair no hook can be misled, and nothing else has changed."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import fx, nn
from torchvision import models

from xai_core.errors import ModelError
from xai_core.models.repairs import repaired
from xai_core.models.watch import relu_report

PROBE = torch.zeros(2, 3, 8, 8)


class Net(nn.Module):
    """Two layers; ``step`` is what stands between them, ``relu`` a module it may use."""

    def __init__(self, step, relu=None):
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.conv2 = nn.Conv2d(4, 4, 3)
        self.fc = nn.Linear(4, 5)
        self.step = step
        if relu is not None:
            self.relu = relu

    def forward(self, x):
        x = self.step(self, self.conv1(x))
        x = self.step(self, self.conv2(x))
        return self.fc(x.mean((2, 3)))


def overwrite(net, x):
    x += 1
    return x


def hidden_relu(net, x):
    if x.sum() > -1e9:  # what torch.fx cannot follow
        return F.relu(x)
    return x


FAULTS = {
    "F.relu": (lambda net, x: F.relu(x), None),
    "F.relu in place": (lambda net, x: F.relu(x, inplace=True), None),
    "F.relu_": (lambda net, x: F.relu_(x), None),
    "F.relu of a keyword": (lambda net, x: F.relu(input=x), None),
    "torch.relu": (lambda net, x: torch.relu(x), None),
    "tensor.relu": (lambda net, x: x.relu(), None),
    "tensor.relu_": (lambda net, x: x.relu_(), None),
    "F.relu6": (lambda net, x: F.relu6(x), None),
    "clamp": (lambda net, x: x.clamp(min=0), None),
    "clamp_min": (lambda net, x: torch.clamp_min(x, 0), None),
    "reused": (lambda net, x: net.relu(x), nn.ReLU()),
    "reused and in place": (lambda net, x: net.relu(x), nn.ReLU(inplace=True)),
    "reused ReLU6": (lambda net, x: net.relu(x), nn.ReLU6(inplace=True)),
    "reused in a block": (lambda net, x: net.relu[0](x), nn.Sequential(nn.ReLU())),
    "F.silu in place": (lambda net, x: F.silu(x, inplace=True), None),
    "overwriting": (overwrite, None),
    "overwriting by method": (lambda net, x: x.add_(1), None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_found_and_repaired(fault):
    net = Net(*FAULTS[fault]).eval()
    expected = net(torch.ones(2, 3, 8, 8)).detach()
    assert not relu_report(net, PROBE).clean
    mended = repaired(net, PROBE)
    report = relu_report(mended, PROBE)
    assert report.clean
    assert not report.functional
    assert not report.reused
    assert torch.equal(mended(torch.ones(2, 3, 8, 8)), expected)
    assert list(mended.state_dict()) == list(net.state_dict())
    # What hooks see: one call for each ReLU module, and inputs that stay what they were.
    relus = [m for m in mended.modules() if isinstance(m, nn.ReLU | nn.ReLU6)]
    calls = []
    for module in mended.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, i, o: calls.append((m, i[0], i[0].clone())))
    mended(torch.randn(2, 3, 8, 8))
    if "silu" not in fault and "overwriting" not in fault:
        assert len(relus) >= 2
        called = [m for m, _, _ in calls if isinstance(m, nn.ReLU | nn.ReLU6)]
        assert len(called) == len(set(called)) == 2
    for _, seen, copied in calls:
        assert torch.equal(seen, copied)


def test_guided_gradients_differ_before_and_agree_after_repair():
    """The reason for it all: a hook on ReLU modules does nothing to a functional ReLU."""

    def guided(net, x):
        handles = [
            m.register_full_backward_hook(lambda m, gi, go: (gi[0].clamp(min=0),))
            for m in net.modules()
            if isinstance(m, nn.ReLU)
        ]
        x = x.clone().requires_grad_()
        (grad,) = torch.autograd.grad(net(x)[:, 0].sum(), x)
        for handle in handles:
            handle.remove()
        return grad

    functional = Net(lambda net, x: F.relu(x)).eval()
    modules = nn.Sequential(
        functional.conv1, nn.ReLU(), functional.conv2, nn.ReLU(), nn.AdaptiveAvgPool2d(1)
    )
    modules.extend([nn.Flatten(), functional.fc])
    torch.manual_seed(1)
    x = torch.randn(2, 3, 8, 8)
    truth = guided(modules, x)
    assert not torch.allclose(guided(functional, x), truth)
    assert torch.allclose(guided(repaired(functional, PROBE), x), truth, atol=1e-7)


def test_the_original_is_left_alone():
    net = Net(lambda net, x: net.relu(x), nn.ReLU(inplace=True)).train()
    before = copy.deepcopy(net.state_dict())
    mended = repaired(net, PROBE)
    assert net.training
    assert not mended.training
    assert net.relu.inplace
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    pairs = zip(net.parameters(), mended.parameters(), strict=True)
    assert all(a.data_ptr() != b.data_ptr() for a, b in pairs)


def test_a_sound_network_keeps_its_class_and_gelu_its_function():
    net = Net(lambda net, x: F.gelu(x)).eval()
    assert relu_report(net, PROBE).clean
    assert type(repaired(net, PROBE)) is Net
    assert "conv1" in dict(repaired(net, PROBE).named_children())


def test_one_relu_registered_twice_becomes_two():
    relu = nn.ReLU()
    net = nn.Sequential(nn.Conv2d(3, 3, 1), relu, nn.Conv2d(3, 3, 1), relu, nn.Flatten())
    mended = repaired(net, PROBE)
    assert type(mended) is nn.Sequential
    assert mended[1] is not mended[3]
    assert relu_report(mended, PROBE).clean


def test_inplace_activations_and_dropout_are_made_safe():
    inner = [nn.SiLU(True), nn.Hardswish(True), nn.Hardsigmoid(True), nn.ReLU6(True)]
    net = nn.Sequential(nn.Conv2d(3, 3, 1), *inner, nn.Dropout(0.5, inplace=True), nn.Flatten())
    assert relu_report(net, PROBE).inplace == ["1", "2", "3", "4", "5"]
    mended = repaired(net, PROBE)
    assert relu_report(mended, PROBE).inplace == []
    assert torch.equal(mended(PROBE), net.eval()(PROBE))


def test_what_cannot_be_traced_is_refused_by_name():
    net = nn.Sequential(nn.Conv2d(3, 3, 1), nn.Sequential(Net(hidden_relu)))
    with pytest.raises(ModelError, match=r"The module '1\.0' \(Net\) uses a ReLU as a function"):
        repaired(net, PROBE)
    with pytest.raises(ModelError, match=r"The model itself \(Net\) uses a ReLU as a function"):
        repaired(Net(hidden_relu), PROBE)


def test_what_cannot_be_traced_but_is_sound_is_accepted():
    def branch(net, x):
        return x if x.sum() > -1e9 else -x

    assert type(repaired(Net(branch), PROBE)) is Net


def test_a_shared_block_with_a_relu_is_refused_by_name():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.block = nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU())

        def forward(self, x):
            return self.block(self.block(x)).flatten(1)

    with pytest.raises(ModelError, match=r"The module 'block' \(Sequential\) uses .* once"):
        repaired(Shared(), PROBE)


def test_a_module_whose_in_place_effect_matters_is_refused():
    class Trick(nn.Module):
        def __init__(self):
            super().__init__()
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            x = x - 0.5
            self.relu(x)  # the result is dropped, the effect is used
            return x.flatten(1)

    with pytest.raises(ModelError, match="changed its output"):
        repaired(Trick(), PROBE)


def test_models_that_do_not_run_are_refused_with_their_reason():
    with pytest.raises(ModelError, match=r"cannot take an input of shape \[2, 3, 8, 8\]: "):
        repaired(nn.Conv2d(4, 4, 1), PROBE)

    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    with pytest.raises(ModelError, match="one tensor of logits"):
        repaired(Pair(), PROBE)


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_torchscript_is_refused():
    with pytest.raises(ModelError, match="TorchScript"):
        repaired(torch.jit.trace(nn.Flatten(), PROBE), PROBE)


TORCHVISION = {
    "resnet18": {},
    "googlenet": {"init_weights": False, "aux_logits": True},
    "inception_v3": {"init_weights": False, "aux_logits": True},
    "mobilenet_v2": {},
    "densenet121": {},
    "efficientnet_b0": {},
    "convnext_tiny": {},
    "vit_b_32": {"image_size": 32},
    "swin_v2_t": {},
    "squeezenet1_1": {},
}


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvision_classifiers(name):
    torch.manual_seed(0)
    net = models.get_model(name, weights=None, num_classes=7, **TORCHVISION[name]).eval()
    side = {"inception_v3": 75, "vit_b_32": 32}.get(name, 64)
    probe = torch.zeros(1, 3, side, side)
    mended = repaired(net, probe)
    assert relu_report(mended, probe).clean
    x = torch.randn(1, 3, side, side)
    with torch.no_grad():
        assert torch.equal(mended(x), net(x))
    assert list(mended.state_dict()) == list(net.state_dict())
    assert type(mended).__name__ == type(net).__name__
    if name not in ("inception_v3", "swin_v2_t"):  # these test shapes that a trace does not know
        with torch.no_grad():
            assert torch.equal(fx.symbolic_trace(mended)(x), net(x))


def test_vgg16_only_loses_its_in_place_flags():
    with torch.device("meta"):
        net = models.vgg16(num_classes=3)
    # Built without its 0.5 GB of weights: one channel wide.
    thin = nn.Sequential()
    for module in net.features:
        thin.append(nn.LazyConv2d(1, 3, padding=1) if isinstance(module, nn.Conv2d) else module)
    thin.append(nn.Flatten())
    thin(torch.zeros(1, 3, 32, 32))
    probe = torch.zeros(1, 3, 32, 32)
    assert len(relu_report(thin, probe).inplace) == 13
    mended = repaired(thin, probe)
    assert relu_report(mended, probe).clean
    assert type(mended) is nn.Sequential
