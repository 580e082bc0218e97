"""The whole method table on a graphics card, as far as this can be known without one.

Every method runs on a card that is pretended (``tests/pretended.py``), in float32, on one of CUDA
or on one of MPS, which has no float64. The numbers are the processor's, so that a map must be
the one of the processor, up to rounding where batches have other sizes; and all that a method
does with tensors of two sides, or would draw from a card's own random numbers, is refused.
"""

from collections import OrderedDict
from functools import cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import VisionTransformer

from tests import networks
from tests.explainers import all_maps
from tests.explainers.test_contract import AT_A_LAYER
from tests.networks import Limited
from tests.pretended import MixedError, pretended
from tests.reference import nets
from xai_core.errors import DeviceError, DeviceMemoryError, MethodError, ModelError
from xai_core.explainers import METHODS, Panel, explain
from xai_core.explainers.support import supported
from xai_core.models.classifier import Classifier

GIVEN = all_maps.given()
TARGETS = all_maps.TARGETS


def of_functions():
    """Steps that are no modules, an activation that has to be probed, and a concatenation."""

    def run(net, x):
        a = net.conv(x)
        a = torch.cat([F.relu6(a), torch.clamp(0.5 * a, -1, 1)], 1)
        a = F.max_pool2d(a + F.hardtanh(a, 0, 2), 2)
        return net.fc(F.leaky_relu(net.last(a), 0.1).flatten(1))

    layers = {"conv": nn.Conv2d(3, 4, 3, 2), "last": nn.Conv2d(8, 4, 3, 2), "fc": nn.Linear(36, 5)}
    return networks.Net(run, **layers)


def without_convolutions():
    layers = {"flatten": nn.Flatten(), "fc1": nn.Linear(3 * 32 * 32, 8), "relu": nn.ReLU()}
    return nn.Sequential(OrderedDict(layers, fc2=nn.Linear(8, 5)))


KINDS = {
    **{name: lambda name=name: all_maps.modules()[name] for name in all_maps.NETWORKS},
    "functions": of_functions,
    "no convolution": without_convolutions,
    "transformer": lambda: VisionTransformer(32, 16, 1, 2, 8, 16, num_classes=3),
}
# One card for each, and both for the residual network, which all methods take: MPS
# refuses what CUDA does, and float64 too; what needs that, it leaves to the processor.
PLACES = [
    *(("vgg", "cuda:0"), ("residual", "cuda:0"), ("residual", "mps"), ("functions", "mps")),
    *(("no convolution", "cuda:0"), ("transformer", "mps")),
]
# Most of the others refuse a transformer, after long probing.
CASES = [
    (method, *place)
    for method, row in METHODS.items()
    for place in PLACES
    if place[0] != "transformer" or row.family in ("gradient", "cam")
]


@cache
def classifier(kind):
    """In float32, and with other mean and deviation for every channel."""
    torch.manual_seed(0)
    net = KINDS[kind]().float()
    classes = nets.CLASSES[:3] if kind == "transformer" else nets.CLASSES
    return Classifier(net, classes, nets.SIZE, all_maps.MEAN, all_maps.STD)


def settings(method, device="cpu"):
    """The quick ones; what the pictures are compared to is there too."""
    found = dict(METHODS[method].quick)
    names = {param.name for param in METHODS[method].params} & {"baseline", "baselines"}
    return found | {name: GIVEN[name].float().to(device) for name in names}


def outcome(clf, method, device="cpu"):
    """A map, or why there is none."""
    x = GIVEN["x"].float().to(device)
    targets = [target % len(clf.class_names) for target in TARGETS]
    try:
        return explain(clf, x, targets, method, **settings(method, device))
    except (MethodError, ModelError) as error:
        return str(error)


@cache
def usual(kind, method):
    return outcome(classifier(kind), method)


@pytest.mark.parametrize(("method", "kind", "card"), CASES)
def test_a_map_is_the_processors(method, kind, card):
    clf, expected = classifier(kind), usual(kind, method)
    with pretended(card, float64=card != "mps") as there:
        found = outcome(clf.on(there.device), method, there.device)
        if not isinstance(found, str):
            assert found.device == there.device
            found = found.cpu()
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
    else:
        size = expected.abs().max().item()
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-6 * size)


def test_every_method_gives_a_map_of_one_of_these_networks():
    """So that none of them was compared by its refusals alone."""
    for method in METHODS:
        kinds = ["residual"] if method in AT_A_LAYER or method == "cam" else list(KINDS)[:2]
        assert any(not isinstance(usual(kind, method), str) for kind in kinds), method


def test_a_panel_of_all_methods_shares_on_a_card_too():
    clf = classifier("residual")
    with pretended("mps", float64=False) as card:
        there, x = clf.on(card.device), GIVEN["x"].float().to(card.device)
        panel = Panel(there, x, TARGETS, {name: settings(name, card.device) for name in METHODS})
        found = {name: panel.explain(name).cpu() for name in METHODS}
        assert not panel.left
    for name, one in found.items():
        size = usual("residual", name).abs().max().item()
        torch.testing.assert_close(one, usual("residual", name), rtol=0, atol=1e-6 * size)


def test_what_works_on_a_model_is_the_same_on_a_card():
    clf = classifier("functions")
    expected = supported(clf)
    with pretended("mps", float64=False) as card:
        assert supported(clf.on(card.device)) == expected


# What is pretended


def test_a_card_refuses_tensors_of_the_processor():
    with pretended() as card:
        here, there = torch.ones(2, 3), torch.ones(2, 3, device="cuda")
        assert (here.device.type, there.device.type) == ("cpu", "cuda")
        assert there.is_cuda
        assert (there + torch.tensor(2.0)).tolist() == [[3.0] * 3] * 2
        assert there[torch.tensor([1])].device == card.device
        assert (there @ there.T).device == there.sum().device == card.device
        for wrong in (
            lambda: here + there,
            lambda: torch.cat([here, there]),
            lambda: torch.cat([there[0, :1], torch.ones(1)]),
            lambda: there @ here.T,
            lambda: there.gather(1, torch.tensor([[0], [1]])),
            lambda: here.add_(there.sum()),
            lambda: there.index_put((torch.tensor([0]),), torch.ones(3)),
            lambda: F.conv2d(there.view(1, 1, 2, 3), torch.ones(1, 1, 1, 1)),
        ):
            with pytest.raises(MixedError):
                wrong()
        with pytest.raises(TypeError, match="no NumPy array"):
            there.numpy()
        assert there.cpu().numpy().shape == (2, 3)
        assert here.copy_(there).device.type == "cpu"


def test_gradients_and_copies_are_where_their_tensors_are():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    with pretended() as card:
        clone = Classifier(nets.load("VGGSmallBN"), nets.CLASSES, nets.SIZE).on(card.device)
        tensors = clone.private().module.state_dict().values()
        assert all(card.holds(tensor) for tensor in tensors)
        weight = net[0].weight.detach().to("cuda").requires_grad_()
        x = torch.ones(1, 3, device="cuda")
        (gradient,) = torch.autograd.grad((x @ weight.T).sum(), weight)
        assert gradient.device == card.device


def test_a_card_draws_no_random_numbers_and_has_no_float64():
    with pretended("mps", float64=False):
        x = torch.ones(3).to("mps")
        with pytest.raises(RuntimeError, match="would draw from the card"):
            torch.randn_like(x)
        for wrong in (x.double, lambda: torch.ones(3).double().to("mps")):
            with pytest.raises(TypeError, match="float64"):
                wrong()
        with pytest.raises(TypeError, match="bring it back first"):
            x.to("cpu", torch.float64)
        assert torch.ones(3).double().to(x).dtype == torch.float32


@pytest.mark.parametrize(
    "said",
    [
        "The operator 'aten::odd' is not currently implemented for the MPS device",
        "Could not run 'aten::odd' with arguments from the 'MPS' backend",
    ],
)
def test_a_step_that_mps_does_not_have_is_told(said, monkeypatch):
    clf = classifier("vgg")

    def missing(self, x):
        raise NotImplementedError(f"{said}.\nPages of it.")

    with pretended("mps", float64=False) as card:
        there = clf.on(card.device)
        monkeypatch.setattr(nn.Conv2d, "forward", missing)
        assert outcome(there, "saliency", card.device) == (
            f"Saliency takes a step that mps does not have ({said}); compute it with "
            "XAI_DEVICE=cpu."
        )


def test_weights_in_float64_stay_where_there_is_float64():
    clf = Classifier(nets.load("VGGSmall").double(), nets.CLASSES, nets.SIZE)
    with pretended("mps", float64=False) as card, pytest.raises(DeviceError) as told:
        clf.on(card.device)
    assert str(told.value) == "Model has weights in float64, which mps does not have."


# Too little memory


@pytest.fixture(scope="module")
def limited():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3, 2), nn.ReLU(), Limited(), nn.Flatten(), nn.Linear(900, 5)]
    return Classifier(nn.Sequential(*layers).double(), nets.CLASSES, nets.SIZE)


IN_BATCHES = {
    "smoothgrad": {"samples": 9},
    "vargrad": {"samples": 9, "base": "integrated_gradients", "steps": 3},
    "integrated_gradients": {"steps": 9, "baseline": ["black", "mean"]},
    "expected_gradients": {"samples": 9, "baselines": GIVEN["baselines"]},
    "deepshap": {"baselines": GIVEN["baselines"]},
}


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("method", IN_BATCHES)
def test_a_batch_that_does_not_fit_is_halved_and_the_numbers_stay(
    method, most, limited, monkeypatch
):
    expected = explain(limited, GIVEN["x"], TARGETS, method, **IN_BATCHES[method])
    monkeypatch.setattr(Limited, "most", most)
    found = explain(limited, GIVEN["x"], TARGETS, method, **IN_BATCHES[method])
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("method", ["saliency", *IN_BATCHES])
def test_a_single_picture_that_does_not_fit_is_told(method, limited, monkeypatch):
    monkeypatch.setattr(Limited, "most", 0)
    title = METHODS[method].title
    told = rf"^{title} needs more memory than cuda:0 has \(1\.5 GiB are free\); .*XAI_DEVICE=cpu\.$"
    with pretended(free=3 * 2**29) as card:
        clf = limited.on(card.device)
        x = GIVEN["x"][:1].to(card.device)
        with pytest.raises(DeviceMemoryError, match=told):
            explain(clf, x, 0, method)
    # The processor's worker is told of by the engine.
    with pytest.raises(torch.OutOfMemoryError):
        explain(limited, GIVEN["x"][:1], 0, method)


def test_what_is_kept_for_other_methods_gives_way(limited, monkeypatch):
    """The shared gradient is dropped before a method is given up."""
    with pretended() as card:
        clf, x = limited.on(card.device), GIVEN["x"].to(card.device)
        panel = Panel(clf, x, TARGETS, {"saliency": {}, "guided_backprop": {}, "gradcam": {}})
        panel.explain("saliency")
        kept = panel._sharing

        def forward(self, x):
            if kept.keeps:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return x * 1

        monkeypatch.setattr(Limited, "forward", forward)
        found = panel.explain("guided_backprop").cpu()
    monkeypatch.undo()
    assert torch.equal(found, explain(limited, GIVEN["x"], TARGETS, "guided_backprop"))
