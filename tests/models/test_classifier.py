"""A classifier is private, repeatable, and safe to explain from several threads."""

import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from xai_core.errors import ModelError
from xai_core.explainers import explain
from xai_core.models import Classifier

NAMES = ["Cat", "dog", "cup"]


class Functional(nn.Module):
    """Its ReLU is a function."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(F.relu(self.norm(self.conv(x))).mean((2, 3)))


def network(kind):
    torch.manual_seed(0)
    if kind == "functional":
        return Functional()
    if kind == "resnet18":
        return models.resnet18(num_classes=3)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(4, 3))


def classifier(kind="plain", **options):
    return Classifier(network(kind), NAMES, (32, 32), **options)


def test_contract():
    net = network("plain").train()
    clf = Classifier(net, class_names=NAMES, input_size=(32, 32), mean=None, std=None)
    assert clf.module is not net
    assert net.training
    assert not clf.module.training
    assert all(p.requires_grad for p in net.parameters())
    assert not any(p.requires_grad for p in clf.module.parameters())
    assert clf.layers() == ["0", "5"]
    assert clf.cam_layer == "2"
    x = clf.preprocess([np.full((40, 50, 3), 51, np.uint8)] * 2)
    assert torch.equal(x, torch.full((2, 3, 32, 32), 0.2))
    assert clf.logits(x).shape == (2, 3)
    assert torch.equal(clf.logits(x), net.eval()(x))


def test_normalisation_by_hand_and_back():
    clf = classifier(mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.1))
    x = clf.preprocess([np.full((32, 32), 51, np.uint8)])
    # (0.2 - 0.5) / 0.5, (0.2 - 0.4) / 0.25, (0.2 - 0.3) / 0.1
    assert torch.allclose(x[0, :, 0, 0], torch.tensor([-0.6, -0.8, -1.0]))
    assert torch.allclose(clf.pixels(x), torch.full_like(x, 0.2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_pictures_come_in_the_type_of_the_weights(dtype):
    clf = Classifier(
        network("plain").to(dtype), NAMES, (32, 32), mean=(0.5, 0.4, 0.3), std=(0.5, 0.25, 0.1)
    )
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    x = clf.preprocess([picture])
    assert x.dtype == clf.dtype == dtype
    pixels = torch.from_numpy(picture).permute(2, 0, 1).double() / 255
    mean, std = (torch.tensor(v).double().view(3, 1, 1) for v in (clf.mean, clf.std))
    exact = (pixels - mean) / std
    # Pixels are float32; a quotient of them is off by few roundings of the wider type, and is
    # rounded once to the type of the weights.
    coarse = max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps)
    assert ((x[0].double() - exact).abs() <= 8 * coarse * exact.abs().clamp(min=1)).all()
    assert explain(clf, x, 0, method="saliency").dtype == dtype


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"class_names": ["a"]}, r"output of shape \[3\], but 1 class names"),
        ({"input_size": (0, 32)}, "input size must be positive"),
        ({"crop": 0.0}, "crop must lie above 0"),
        ({"crop": 1.5}, "crop must lie above 0"),
        ({"mean": (0, 0, 0)}, "both the mean and the standard deviation"),
        ({"mean": (0, 0), "std": (1, 1)}, "three values"),
        ({"mean": (0, 0, 0), "std": (1, 0, 1)}, "must be positive"),
        ({"mean": (0, 0, 0), "std": (1, float("nan"), 1)}, "must be positive"),
    ],
)
def test_senseless_facts_are_refused(change, sentence):
    facts = {"class_names": NAMES, "input_size": (32, 32), **change}
    with pytest.raises(ModelError, match=sentence):
        Classifier(network("plain"), **facts)


@pytest.mark.parametrize("kind", ["plain", "functional", "resnet18"])
def test_private_twin_shares_weights_but_no_hooks(kind):
    clf = classifier(kind)
    twin = clf.private()
    assert twin.fingerprint == clf.fingerprint
    pairs = list(
        zip(clf.module.state_dict().items(), twin.module.state_dict().items(), strict=True)
    )
    assert pairs
    for (name, a), (other, b) in pairs:
        assert name == other
        assert a.data_ptr() == b.data_ptr()
    ours, theirs = set(clf.module.modules()), set(twin.module.modules())
    assert not ours & theirs
    assert [type(m).__name__ for m in clf.module.modules()] == [
        type(m).__name__ for m in twin.module.modules()
    ]
    heard = []
    for module in twin.module.modules():
        module.register_forward_hook(lambda *_: heard.append(1))
    x = torch.randn(2, 3, 32, 32)
    expected = clf.logits(x)
    assert not heard
    assert torch.equal(twin.logits(x), expected)
    assert heard
    assert not any(m._forward_hooks for m in clf.module.modules())


def test_replacing_a_twins_weight_leaves_the_original():
    clf = classifier("functional")
    x = torch.randn(1, 3, 32, 32)
    expected, print_before = clf.logits(x), clf.fingerprint
    twin = clf.private()
    twin.module.fc.weight = nn.Parameter(torch.zeros(3, 4))
    assert torch.equal(clf.logits(x), expected)
    assert not torch.equal(twin.logits(x), expected)
    assert twin.fingerprint != print_before == clf.fingerprint


@pytest.mark.parametrize("kind", ["plain", "functional", "resnet18"])
def test_threads_with_hooks_get_what_one_thread_gets(kind):
    clf = classifier(kind)
    inputs = [
        torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(i)) for i in range(4)
    ]

    def hooked(x):
        """A gradient that only keeps what is positive behind every convolution."""
        twin = clf.private()

        def positive(module, inputs, output):
            output.register_hook(lambda signal: signal.clamp(min=0))

        for module in twin.module.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(positive)
        x = x.clone().requires_grad_()
        return torch.autograd.grad(twin.logits(x)[:, 1].sum(), x)[0]

    alone = [hooked(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(hooked, inputs * 4))
    for index, found in enumerate(together):
        # Not bit for bit: some processors round otherwise when threads share the cores.
        wanted = alone[index % 4]
        assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_fingerprint_changes_with_everything_that_changes_results():
    base = classifier("functional")
    assert base.fingerprint == classifier("functional").fingerprint
    others = {
        classifier("plain").fingerprint,
        classifier("functional", crop=0.875).fingerprint,
        classifier("functional", mean=(0, 0, 0), std=(1, 1, 1)).fingerprint,
        classifier("functional", cam_layer="conv").fingerprint,
    }
    net = network("functional")
    with torch.no_grad():
        net.fc.weight[2, 3] += 1e-6
    others.add(Classifier(net, NAMES, (32, 32)).fingerprint)
    net = network("functional")
    net.norm.running_mean[0] = 1e-6
    others.add(Classifier(net, NAMES, (32, 32)).fingerprint)
    assert len(others) == 6
    assert base.fingerprint not in others


def test_fingerprint_of_bfloat16_weights():
    clf = Classifier(network("plain").bfloat16(), NAMES, (32, 32))
    assert len(clf.fingerprint) == 64


def test_another_process_finds_the_same_fingerprint_without_torchvision():
    code = (
        "import sys, torch, torch.nn.functional as F\n"
        "from torch import nn\n"
        "from xai_core.models import Classifier\n"
        f"{inspect.getsource(Functional)}\n"
        "torch.manual_seed(0)\n"
        f"print(Classifier(Functional(), {NAMES}, (32, 32)).fingerprint)\n"
        # Importing torchvision takes a second, which the embedded model need not cost.
        "print('torchvision' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [classifier("functional").fingerprint, "False"]


def test_a_twin_is_lent_again_but_to_one_at_a_time():
    clf = classifier()
    with clf.lent() as first:
        assert first is not clf
        assert first.module is not clf.module
        with clf.lent() as second:
            assert second.module is not first.module
    with clf.lent() as third, clf.lent() as fourth:
        assert {id(third), id(fourth)} == {id(first), id(second)}


def test_a_lent_twin_is_in_evaluation_mode_whatever_the_model_is_in():
    clf = classifier()
    clf.module.train()
    with clf.lent() as twin:
        assert not any(child.training for child in twin.module.modules())
        twin.module.train()
    with clf.lent() as twin:
        assert not any(child.training for child in twin.module.modules())


def test_a_twin_that_met_an_error_is_not_lent_again():
    clf = classifier()
    lent = []

    def borrow():
        with clf.lent() as twin:
            lent.append(twin)
            twin.module[0].register_forward_hook(lambda *_: None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        borrow()
    with clf.lent() as twin:
        assert twin not in lent
        assert not twin.module[0]._forward_hooks


def test_a_lent_twin_follows_when_the_model_is_given_other_weights():
    clf = classifier().private()
    x = torch.ones(1, 3, 32, 32)
    with clf.lent() as twin:
        before = twin.logits(x)
    clf.module[5].bias = nn.Parameter(clf.module[5].bias + 1, requires_grad=False)
    with clf.lent() as twin:
        assert torch.allclose(twin.logits(x), before + 1)
    clf.module[5].bias.mul_(2)  # in place, and so in every twin
    with clf.lent() as twin:
        assert torch.equal(twin.logits(x), clf.logits(x))


def test_twins_of_a_twin_are_its_own():
    clf = classifier()
    with clf.lent() as lent:
        pass
    other = clf.private()
    with other.lent() as twin:
        assert twin is not lent
