"""Networks that lost what they learnt: which weights are new, and that nothing else changes."""

import copy
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from tests.randomization.small_networks import (
    CLASSES,
    KINDS,
    SIZE,
    STATISTICS,
    WEIGHTS,
    norm,
    order_counts,
    tensors,
    trained,
)
from xai_core.errors import MethodError, ModelError
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomizable_layers, randomized
from xai_core.randomization.initialisation import INITS


def changed(clf, twin):
    """Names of what is another tensor in the twin; all others must share the memory."""
    one, other = tensors(clf), tensors(twin)
    assert one.keys() == other.keys()
    found = {name for name in one if not torch.equal(one[name], other[name])}
    fresh = {name for name in one if one[name].data_ptr() != other[name].data_ptr()}
    assert found <= fresh
    return fresh


def of(layers):
    return {name for layer in layers for name in layer.parameters}


def equal(one, other):
    one, other = tensors(one), tensors(other)
    return all(torch.equal(one[name], other[name]) for name in one)


# Which weights change


@pytest.mark.parametrize("start", ["output", "input"])
@pytest.mark.parametrize("kind", sorted({*KINDS} - {"tied"}))
def test_a_depth_changes_its_layers_and_shares_the_memory_of_all_others(kind, start):
    clf = trained(kind)
    layers = randomizable_layers(clf)
    if start == "input":
        layers.reverse()
    for depth in range(len(layers) + 1):
        twin = randomized(clf, depth, start=start)
        assert changed(clf, twin) == of(layers[:depth])
        alone = randomized(clf, depth, "independent", start=start)
        assert changed(clf, alone) == of(layers[max(depth - 1, 0) : depth])


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_deeper_cascade_holds_the_weights_of_a_shallower_one(kind, init):
    clf = trained(kind)
    layers = randomizable_layers(clf)
    before = tensors(clf)
    for depth, layer in enumerate(layers, start=1):
        after = tensors(randomized(clf, depth, seed=3, init=init))
        alone = tensors(randomized(clf, depth, "independent", 3, init))
        for name in of(layers[: depth - 1]):
            assert torch.equal(after[name], before[name])
        for name in layer.parameters:
            assert torch.equal(after[name], alone[name])
        before = after


@pytest.mark.parametrize("kind", KINDS)
def test_depth_0_is_the_trained_network(kind):
    clf = trained(kind)
    for mode in ("cascading", "independent"):
        twin = randomized(clf, 0, mode)
        assert twin is not clf
        assert not changed(clf, twin)
        assert twin.fingerprint == clf.fingerprint


def test_all_layers_from_the_input_are_all_layers_from_the_output():
    clf = trained("branches")
    depth = len(randomizable_layers(clf))
    assert equal(randomized(clf, depth), randomized(clf, depth, start="input"))


def test_a_depth_may_be_the_name_of_its_last_layer():
    clf = trained("plain")
    for start, depth in (("output", 2), ("input", 4)):
        for mode in ("cascading", "independent"):
            named = randomized(clf, "fc1", mode, start=start)
            assert equal(named, randomized(clf, depth, mode, start=start))


# Begins its training as a constant, and is that again.
_BLOCK = "encoder.layers.encoder_layer_0"
_LAYER_NORMS = (f"{_BLOCK}.ln_1", f"{_BLOCK}.ln_2", "encoder.ln")
_STAYS = {
    # BatchNorm: weight 1, bias 0, mean 0 and variance 1.
    "plain": norm("bn1") | norm("bn2", *STATISTICS) | norm("bn4"),
    # LayerNorm: weight 1, bias 0; what is 0 throughout and has no rule has root mean square 0.
    "transformer": {
        *(f"{place}.{key}" for place in _LAYER_NORMS for key in WEIGHTS),
        *("class_token", f"{_BLOCK}.self_attention.in_proj_bias"),
    },
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("init", INITS)
def test_at_full_depth_nothing_is_left_of_what_was_learnt(kind, init):
    clf = trained(kind)
    twin = randomized(clf, len(randomizable_layers(clf)), init=init)
    one, other = tensors(clf), tensors(twin)
    stays = {name for name in one if torch.equal(one[name], other[name])}
    assert not {name for name in stays if init != "permute" or order_counts(one[name])}
    x = torch.ones(1, 3, *SIZE, dtype=torch.float64)
    assert not torch.allclose(clf.logits(x), twin.logits(x))


@pytest.mark.parametrize("kind", ["plain", "transformer"])
def test_of_a_network_before_its_training_only_constants_stay(kind):
    clf = trained(kind, drawn=False)
    twin = randomized(clf, len(randomizable_layers(clf)))
    one, other = tensors(clf), tensors(twin)
    stays = {name for name in one if torch.equal(one[name], other[name])}
    assert stays == _STAYS[kind]


# Seeds


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_weights_again_and_another_seed_others(kind, init):
    clf = trained(kind)
    depth = len(randomizable_layers(clf))
    first = randomized(clf, depth, seed=1, init=init)
    torch.manual_seed(99)
    assert equal(first, randomized(clf, depth, seed=1, init=init))
    assert randomized(clf, depth, seed=1, init=init).fingerprint == first.fingerprint
    other = randomized(clf, depth, seed=2, init=init)
    assert other.fingerprint != first.fingerprint
    one, two = tensors(first), tensors(other)
    for name, tensor in one.items():
        if tensor.unique().numel() > 1 and order_counts(tensor):
            assert not torch.equal(tensor, two[name])


@pytest.mark.parametrize("init", INITS)
def test_layers_of_one_shape_get_different_weights(init):
    width = 12
    net = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    net.extend(nn.Linear(width, width) for _ in range(4))
    net.append(nn.Linear(width, 3))
    same = net[2].state_dict()
    for layer in net[3:6]:
        layer.load_state_dict(same)  # so that shuffled values could be equal, too
    twin = randomized(Classifier(net, CLASSES, SIZE), 5, init=init)
    for one in range(2, 6):
        for other in range(2, one):
            assert not torch.equal(twin.module[one].weight, twin.module[other].weight)


def test_any_integer_is_a_seed():
    clf = trained("plain")
    prints = {randomized(clf, 1, seed=seed).fingerprint for seed in (0, -1, 2**80)}
    assert len(prints) == 3


# The original


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_trained_classifier_is_never_touched(kind, init):
    clf = trained(kind)
    for parameter in clf.module.parameters():
        parameter.grad = torch.ones_like(parameter)
    clf.module.train()
    state = copy.deepcopy(clf.module.state_dict())
    before, random, title = clf.fingerprint, torch.get_rng_state(), clf.title
    twin = randomized(clf, len(randomizable_layers(clf)), init=init)
    # Nor by what is done to the new weights.
    for name in changed(clf, twin):
        tensors(twin)[name].zero_()
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(state[name], now) for name, now in clf.module.state_dict().items())
    del clf.__dict__["fingerprint"]
    assert clf.fingerprint == before
    assert clf.title == title
    for module in clf.module.modules():
        assert module.training
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    for parameter in clf.module.parameters():
        assert torch.equal(parameter.grad, torch.ones_like(parameter))
        assert not parameter.requires_grad


def test_the_twin_asks_for_no_gradients_and_says_what_it_lost():
    twin = randomized(trained("plain"), 2)
    assert not any(parameter.requires_grad for parameter in twin.module.parameters())
    assert not any(module.training for module in twin.module.modules())
    assert twin.title == "Small with fc2, fc1 randomised"
    assert randomized(trained("plain"), 0).title == "Small"


# Unusual networks


@pytest.mark.parametrize("init", INITS)
def test_tied_weights_stay_tied(init):
    clf = trained("tied")
    for depth, fresh_weight in ((1, False), (2, False), (3, True)):
        module = randomized(clf, depth, init=init).module
        assert module.one.weight is module.two.weight is module.three.weight
        assert (module.one.weight is not clf.module.one.weight) is fresh_weight


def test_a_computed_weight_follows_the_new_values_it_is_computed_from():
    clf = trained("computed")
    twin = randomized(clf, 2)
    weight = twin.module.conv2.weight
    assert not torch.allclose(weight, clf.module.conv2.weight)
    # Weight normalisation: g v / |v|, the norm taken over each output.
    parts = twin.module.conv2.parametrizations.weight
    direction = parts.original1 / parts.original1.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(weight, parts.original0 * direction)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_new_weights_have_the_type_of_the_trained_ones(dtype):
    clf = trained("plain", dtype)
    for init in INITS:
        twin = randomized(clf, 5, init=init)
        assert {tensor.dtype for tensor in tensors(twin).values()} == {dtype}
        assert twin.logits(torch.ones(1, 3, *SIZE, dtype=dtype)).isfinite().all()


def test_a_network_of_one_layer_has_depth_1():
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
    clf = Classifier(net, CLASSES, SIZE)
    assert changed(clf, randomized(clf, 1)) == {"1.weight", "1.bias"}
    assert changed(clf, randomized(clf, 1, start="input")) == {"1.weight", "1.bias"}


def test_several_threads_get_what_one_gets_and_leave_the_others_numbers_alone():
    width = 192
    net = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten())
    net.extend(nn.Linear(width, width) for _ in range(8))
    net.append(nn.Linear(width, 3))
    clf = Classifier(net, CLASSES, SIZE)

    def twin(seed):
        return tensors(randomized(clf, 9, seed=seed))

    alone = [twin(seed) for seed in range(3)]
    state, interval = torch.get_rng_state(), sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so that threads get in each other's way
    try:
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(twin, [0, 1, 2] * 4))
    finally:
        sys.setswitchinterval(interval)
    for number, found in enumerate(together):
        expected = alone[number % 3]
        assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert torch.equal(torch.get_rng_state(), state)


# Errors


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"mode": "both"}, MethodError, "no mode 'both'; there are: cascading, independent"),
        ({"start": "middle"}, MethodError, "from the output or the input, not 'middle'"),
        ({"init": "ones"}, MethodError, "no initialisation 'ones'; .* default, he_normal, permute"),
        ({"depth": 6}, MethodError, "from 0 to 5, not 6"),
        ({"depth": -1}, MethodError, "from 0 to 5, not -1"),
        ({"depth": 6, "mode": "independent"}, MethodError, "from 0 to 5, not 6"),
        ({"depth": "relu1"}, ModelError, "'relu1' is no layer with weights .*: fc2, fc1, conv3"),
        ({"depth": "nothing"}, ModelError, "'nothing' is no layer"),
    ],
)
def test_what_does_not_exist_is_refused(change, error, sentence):
    with pytest.raises(error, match=sentence):
        randomized(trained("plain"), **change)
