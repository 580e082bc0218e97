"""Maps of network after network: the same as one by one, whatever is kept between them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.randomization.small_networks import Length
from tests.reference import nets, sanity
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import METHODS, explain
from xai_core.explainers.batches import gradient_bytes
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomized
from xai_core.randomization import sweep as sweep_module
from xai_core.randomization.sweep import (
    TRAINED,
    Request,
    Smoothing,
    State,
    Sweep,
    requests_for,
)
from xai_core.randomization.targets import predicted_classes

X = nets.oracle("x")
TARGETS = [3, 1]
FC2 = State(("fc2",), 0)
WANTED = ("saliency", "gradcam", "lrp_epsilon", "guided_backprop", "edges")


def small(name="VGGSmallBN"):
    return nets.classifier(name, (0.5,) * 3, (0.25,) * 3)


def requests(*names, **settings):
    return {name: Request(name, settings) for name in names}


def close(found, expected):
    """Maps are kept in 32 bits."""
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-6 * np.abs(expected).max())


def explained(clf, x, targets, method, **settings):
    return explain(clf, x, targets, method, **settings).numpy()


@pytest.fixture
def clf():
    return small()


@pytest.mark.parametrize("state", [TRAINED, FC2, State(("fc2", "fc1", "conv4"), 3, "he_normal")])
def test_maps_are_those_of_each_method_alone(clf, state):
    sweep = Sweep(clf, X, TARGETS)
    network = sweep.network(state)
    found = sweep.maps(network, requests(*WANTED))
    assert list(found) == list(WANTED)
    for name in WANTED:
        close(np.stack(found[name]), explained(network, X, TARGETS, name))
    assert found["gradcam"][0].shape == (1, 16, 16), "its own resolution"


def test_networks_are_those_of_randomized(clf):
    sweep = Sweep(clf, X, TARGETS)
    for depth, layers in ((0, ()), (1, ("fc2",)), (3, ("fc2", "fc1", "conv4"))):
        expected = randomized(clf, depth, seed=5, init="permute")
        network = sweep.network(State(layers, 5, "permute"))
        assert network.fingerprint == expected.fingerprint


def test_one_class_serves_all_pictures(clf):
    found = Sweep(clf, X, 2).maps(clf, requests("saliency"))["saliency"]
    close(np.stack(found), explained(clf, X, [2, 2], "saliency"))


def test_a_picture_alone_gives_the_same_map(clf):
    together, alone = Sweep(clf, X, TARGETS), Sweep(clf, X[1:], TARGETS[1:])
    network = together.network(FC2)
    both, one = (sweep.maps(network, requests(*WANTED)) for sweep in (together, alone))
    for name in WANTED:
        close(one[name][0], both[name][1])


@pytest.mark.parametrize("copies", [-1, 0, 1])
def test_one_copy_is_no_smoothing(copies):
    with pytest.raises(MethodError, match=f"at least 2 copies, .* not {copies}"):
        Smoothing(copies)


@pytest.mark.parametrize("smoothing", [None, Smoothing(3, 0.2)])
def test_memory_decides_the_batches_and_nothing_else(clf, monkeypatch, smoothing):
    x = torch.cat([X, X.flip(3), X.flip(2)[:1]])
    targets = [0, 1, 2, 3, 4]
    whole = Sweep(clf, x, targets, smoothing)
    assert len(whole._batches) == 1
    expected = whole.maps(whole.network(FC2), requests(*WANTED))
    gradient = gradient_bytes(clf, x, torch.tensor(targets))
    for pictures, sizes in ((2, [2, 2, 1]), (1, [1] * 5), (0.1, [1] * 5)):
        limit = int(pictures * sweep_module.GRADIENTS * gradient)
        monkeypatch.setenv("XAI_MEMORY", str(limit))
        sweep = Sweep(clf, x, targets, smoothing)
        assert [len(batch) for batch, _ in sweep._batches] == sizes
        found = sweep.maps(sweep.network(FC2), requests(*WANTED))
        for name in WANTED:
            close(np.stack(found[name]), np.stack(expected[name]))


def test_little_memory_keeps_no_more_tapes_than_it_holds(clf, monkeypatch):
    x = torch.cat([X] * 3)
    taped = Sweep(clf, x[:1], 0)._tapes[0]
    size = sum({value.data_ptr(): value.nbytes for value in taped.values}.values())
    monkeypatch.setattr(sweep_module, "gradient_bytes", lambda *given: 10**9)
    monkeypatch.setattr(sweep_module, "allowed_bytes", lambda *_: int(size * 1.5))
    assert [tape is None for tape in Sweep(clf, x, 0)._tapes] == [False, False] + [True] * 4


def test_what_a_randomisation_leaves_as_it_was_is_not_computed_again(clf):
    class Counted(TorchDispatchMode):
        convolutions = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            Counted.convolutions += func is torch.ops.aten.convolution.default
            return func(*args, **(kwargs or {}))

    def convolutions(sweep, state):
        network, Counted.convolutions = sweep.network(state), 0
        with Counted():
            sweep.maps(network, requests("lrp_epsilon"))
        return Counted.convolutions

    known = Sweep(clf, X, TARGETS)
    unknown = Sweep(clf, X, TARGETS)
    unknown._tapes = [None]
    # The rules go back through all four convolutions each time; forward, those that are known
    # are not run: all four below the last layer, three below the last convolution.
    for state, saved in ((FC2, 4), (State(("fc2", "fc1", "conv4")), 3), (State(("conv1",)), 0)):
        assert convolutions(unknown, state) - convolutions(known, state) == saved


def test_a_network_that_cannot_be_recorded_is_explained_without():
    class Adds(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.fc = nn.Linear(4, 3)

        def forward(self, x):
            x = self.conv(x) * 1
            x[:, 0].fill_(1)  # by a view of it
            return self.fc(x.square().mean((2, 3)))

    clf = Classifier(Adds().double(), ["a", "b", "c"], (16, 16))
    x = X[:, :, :16, :16]
    sweep = Sweep(clf, x, 0)
    assert sweep._tapes == [None]
    network = sweep.network(State(("fc",), 1))
    found = sweep.maps(network, requests("saliency", "lrp_epsilon"))
    close(np.stack(found["saliency"]), explained(network, x, 0, "saliency"))
    assert all("overwrites" in sentence for sentence in found["lrp_epsilon"])


# Columns


def test_one_method_may_have_two_columns(clf):
    base = {"samples": 3, "sigma": 0.2}
    wanted = {
        "smoothgrad": Request("smoothgrad", base),
        "smoothgrad-deeplift": Request("smoothgrad", {**base, "base": "deeplift"}),
        "saliency": Request("saliency", {}),
    }
    sweep = Sweep(clf, X, TARGETS)
    network = sweep.network(FC2)
    found = sweep.maps(network, wanted)
    assert set(found) == set(wanted)
    for name, request in wanted.items():
        expected = explained(network, X, TARGETS, request.method, **request.settings)
        close(np.stack(found[name]), expected)
    assert not np.allclose(found["smoothgrad"][0], found["smoothgrad-deeplift"][0])


def test_the_random_control_is_another_map_for_every_network(clf):
    wanted = {**requests("random", seed=0), **requests("saliency")}
    assert requests_for(wanted, TRAINED) == wanted
    networks = [State((layer,), seed) for layer in ("fc2", "fc1") for seed in (0, 1)]
    networks += [State(("fc2",), 0, "permute"), "fingerprint of another model"]
    seeds = {requests_for(wanted, network)["random"].settings["seed"] for network in networks}
    assert len(seeds | {0}) == len(networks) + 1
    assert requests_for(wanted, FC2) == requests_for(wanted, State(("fc2",), 0))
    assert requests_for(wanted, FC2)["saliency"] == wanted["saliency"]
    sweep = Sweep(clf, X, TARGETS)
    maps = [sweep.maps(clf, requests_for(wanted, state))["random"][0] for state in networks[:2]]
    assert abs(np.corrcoef(maps[0].ravel(), maps[1].ravel())[0, 1]) < 0.15, "1/32 expected"


# The class that is explained


def test_each_request_explains_its_own_class(clf):
    wanted = {
        "fixed": Request("saliency", {}),
        "predicted": Request("saliency", {}, "predicted"),
        "gradcam": Request("gradcam", {}, "predicted"),
    }
    sweep = Sweep(clf, X, [0, 4])
    network = sweep.network(State(("fc2",), 1))
    found = sweep.maps(network, wanted)
    own = network.logits(X).argmax(1)
    assert (own != torch.tensor([0, 4])).any()
    close(np.stack(found["fixed"]), explained(network, X, [0, 4], "saliency"))
    close(np.stack(found["predicted"]), explained(network, X, own, "saliency"))
    close(np.stack(found["gradcam"]), explained(network, X, own, "gradcam"))


def test_the_trained_network_explains_what_was_asked_for():
    wanted = {"saliency": Request("saliency", {}, "predicted")}
    assert requests_for(wanted, TRAINED) == requests("saliency")
    assert requests_for(wanted, FC2) == wanted


def test_noisy_copies_explain_the_class_of_the_picture_without_noise(clf):
    sweep = Sweep(clf, X, [0, 4], Smoothing(3, 2.0))
    network = sweep.network(State(("fc2",), 1))
    found = sweep.maps(network, {"saliency": Request("saliency", {}, "predicted")})["saliency"]
    own = network.logits(X).argmax(1)
    close(np.stack(found), sanity.noisy_maps(network, X, own, "saliency", 3, 2.0))


def test_of_equal_scores_the_first_class_is_predicted():
    class Scores(nn.Module):
        """Four scores of every picture: its first four values."""

        def forward(self, x):
            return x.flatten(1)[:, :4]

    clf = Classifier(Scores(), ["a", "b", "c", "d"], (2, 2))
    x = torch.zeros(5, 3, 2, 2)
    rows = [
        [0, 0, 0, 0],
        [1, 2, 2, 1],
        # 2 and 2 + 2e-7 are apart by rounding alone; 2 and 2.001 are not.
        [1, 2, 2 + 2.4e-7, 1],
        [1, 2, 2.001, 1],
        [-3, -1 - 1e-7, -1, -2],
    ]
    x.view(5, -1)[:, :4] = torch.tensor(rows)
    assert predicted_classes(clf, x).tolist() == [0, 1, 1, 2, 1]


# What fails


def test_a_picture_that_fails_leaves_the_others_as_they_are():
    clf = Classifier(Length(bias=False).double(), ["a", "b", "c"], (16, 16))
    x = X[:, :, :16, :16]
    x = torch.cat([x, torch.zeros_like(x[:1]), x[:1].flip(3)])
    sweep = Sweep(clf, x, 0)
    for state in (TRAINED, State(("fc",), 0)):
        network = sweep.network(state)
        found = sweep.maps(network, requests("saliency", "input_x_gradient", "edges"))
        # The slope of the square root at 0, where the black picture is, is infinite.
        assert "not finite" in found["saliency"][2]
        assert found["saliency"][2].startswith("Saliency gave")
        assert "not finite" in found["input_x_gradient"][2]
        for index in (0, 1, 3):
            expected = explained(network, x[index : index + 1], 0, "saliency")[0]
            close(found["saliency"][index], expected)
        assert not isinstance(found["edges"][2], str)


def test_a_method_that_fails_leaves_the_others_as_they_are(clf, monkeypatch):
    def broken(clf, x, targets, **settings):
        raise MethodError("This is broken.")

    monkeypatch.setitem(METHODS, "saliency", replace(METHODS["saliency"], function=broken))
    found = Sweep(clf, X, TARGETS).maps(clf, requests("saliency", "gradcam"))
    assert found["saliency"] == ["This is broken."] * 2
    close(np.stack(found["gradcam"]), explained(clf, X, TARGETS, "gradcam"))


@pytest.mark.parametrize("smoothing", [None, Smoothing(4, 0.0)])
def test_a_sum_beyond_32_bits_is_a_sentence_and_no_infinity(smoothing):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2)).double()
    clf = Classifier(net, ["a", "b"], (8, 8))
    with torch.no_grad():
        clf.module[1].weight.fill_(1e37)
        clf.module[1].weight[1] *= 300
    found = Sweep(clf, X[:, :, :8, :8], [0, 1], smoothing).maps(clf, requests("saliency"))
    # 1e37 is below the largest number of 32 bits, 3.4e38, and 3e39 is not.
    np.testing.assert_allclose(found["saliency"][0], 1e37, rtol=1e-6)
    assert found["saliency"][1] == sweep_module.TOO_LARGE


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"x": X.float()}, MethodError, "float32"),
        ({"x": X[0]}, MethodError, r"\[N, 3, height, width\]"),
        ({"targets": [0]}, MethodError, "one for each of the 2 pictures"),
        ({"targets": 5}, ModelError, "no class 5"),
    ],
)
def test_wrong_input_is_refused_at_once(clf, given, error, sentence):
    with pytest.raises(error, match=sentence):
        Sweep(clf, given.get("x", X), given.get("targets", TARGETS))


def test_unknown_methods_settings_layers_and_initialisations_are_refused(clf):
    sweep = Sweep(clf, X, TARGETS)
    with pytest.raises(MethodError, match="no method 'nonsense'"):
        sweep.maps(clf, requests("nonsense"))
    with pytest.raises(MethodError, match="no setting 'colour'"):
        sweep.maps(clf, requests("saliency", colour=1))
    with pytest.raises(ModelError, match="'relu1' is no layer"):
        sweep.network(State(("relu1",)))
    with pytest.raises(MethodError, match="no initialisation 'ones'"):
        sweep.network(State(("fc2",), 0, "ones"))


def test_a_classifier_for_other_input_is_refused(clf):
    sweep = Sweep(clf, X, TARGETS)
    for facts in ({"mean": (0.4,) * 3}, {"std": (0.2,) * 3}, {"mean": None, "std": None}):
        given = {"mean": (0.5,) * 3, "std": (0.25,) * 3, **facts}
        other = nets.classifier("VGGSmallBN", **given)
        with pytest.raises(MethodError, match="takes other input than"):
            sweep.maps(other, requests("saliency"))


# Smoothing


def test_without_noise_the_mean_of_copies_is_the_map(clf):
    plain, smooth = Sweep(clf, X, TARGETS), Sweep(clf, X, TARGETS, Smoothing(3, 0.0))
    network = plain.network(FC2)
    one, other = (sweep.maps(network, requests(*WANTED)) for sweep in (plain, smooth))
    for name in WANTED:
        close(np.stack(other[name]), np.stack(one[name]))


def test_of_a_linear_model_the_smoothed_map_is_worked_out_by_hand():
    """input × gradient of f(x) = W x is w x, so its mean over x + s n_k is w (x + s mean n_k).

    Of three copies the last has no noise: the mean of n_k is (n_1 + n_2 + 0) / 3.
    """
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2, bias=False)).double()
    clf = Classifier(net, ["a", "b"], (8, 8))
    x = X[:, :, :8, :8]
    sweep = Sweep(clf, x, [1, 0], Smoothing(3, 0.5))
    found = sweep.maps(clf, requests("input_x_gradient"))["input_x_gradient"]
    generator = torch.Generator().manual_seed(0)
    noise = sum(torch.randn(3, 8, 8, generator=generator, dtype=torch.float64) for _ in range(2))
    for index, target in enumerate([1, 0]):
        weights = clf.module[1].weight[target].view(3, 8, 8)
        spread = x[index].max() - x[index].min()
        expected = weights * (x[index] + 0.5 * spread * noise / 3)
        close(found[index], expected.numpy())


@pytest.mark.parametrize("name", ["saliency", "gradcam", "deconvnet"])
def test_smoothed_maps_are_those_of_the_reference_for_every_network(clf, name):
    sweep = Sweep(clf, X, TARGETS, Smoothing(4, 0.15))
    for state in (TRAINED, FC2):
        network = sweep.network(state)
        found = sweep.maps(network, requests(name))[name]
        close(np.stack(found), sanity.noisy_maps(network, X, TARGETS, name, 4, 0.15))


def test_the_published_numbers_of_the_smooth_variant_are_the_defaults():
    # Hedström et al. 2024: 50 samples, noise of a tenth of the range.
    assert Smoothing() == Smoothing(copies=50, sigma=0.1)


def test_a_map_that_fails_for_one_copy_fails(clf, monkeypatch):
    calls = []
    row = METHODS["saliency"]

    def sometimes(clf, x, targets, **settings):
        calls.append(len(x))
        if len(calls) == 2:
            raise MethodError("Not this time.")
        return row.function(clf, x, targets, **settings)

    monkeypatch.setitem(METHODS, "saliency", replace(row, function=sometimes))
    found = Sweep(clf, X[:1], 0, Smoothing(3, 0.1)).maps(clf, requests("saliency"))
    assert found == {"saliency": ["Not this time."]}
    assert len(calls) == 3


# The original


@pytest.mark.parametrize("around", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_it_works_whatever_the_caller_does_with_gradients(clf, around):
    expected = Sweep(clf, X, TARGETS)
    expected = expected.maps(expected.network(FC2), requests(*WANTED))
    with around():
        sweep = Sweep(clf, X.clone(), TARGETS)
        found = sweep.maps(sweep.network(FC2), requests(*WANTED))
    for name in WANTED:
        np.testing.assert_array_equal(np.stack(found[name]), np.stack(expected[name]))


@pytest.mark.parametrize("smoothing", [None, Smoothing(2, 0.1)])
def test_classifier_pictures_and_random_numbers_stay_as_they_were(clf, smoothing):
    before, random, x = clf.fingerprint, torch.get_rng_state(), X.clone()
    clf.module.train()
    sweep = Sweep(clf, x, TARGETS, smoothing)
    sweep.maps(sweep.network(FC2), requests(*WANTED, "random"))
    assert torch.equal(x, X)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(module.training for module in clf.module.modules())
    assert not any(module._forward_hooks for module in clf.module.modules())
    del clf.__dict__["fingerprint"]
    assert clf.fingerprint == before


def test_the_pictures_may_change_after_the_sweep_was_made(clf):
    x = X.clone(memory_format=torch.channels_last)
    sweep = Sweep(clf, x, TARGETS)
    x.zero_()
    found = sweep.maps(clf, requests("saliency"))["saliency"]
    close(np.stack(found), explained(clf, X, TARGETS, "saliency"))
