"""Networks whose answer depends on neighbours, chance or history are refused, and why is said."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.networks import Net, Of
from xai_core.errors import ModelError
from xai_core.explainers import explain
from xai_core.models import Classifier
from xai_core.models.float64_mode import Float64Mode

NAMES = ["cat", "dog", "cup"]
BATCH = "other scores when others are in its batch"
AGAIN = "other scores when it is asked again"


def network(step=lambda net, x: x, middle=None):
    """Convolution, a step to be filled in, mean, Linear."""
    torch.manual_seed(0)
    return Net(
        lambda net, x: net.fc(step(net, net.middle(net.conv(x))).relu().mean((2, 3))),
        conv=nn.Conv2d(3, 4, 3),
        middle=nn.Identity() if middle is None else middle,
        fc=nn.Linear(4, 3),
    )


def classifier(net, size=(8, 8)):
    return Classifier(net, NAMES, size)


def counted(net, x):
    net.calls = getattr(net, "calls", 0) + 1
    return x * (1 + 0.1 * net.calls)


class Keeping(nn.Module):
    """Keeps a float32 tensor, which a step overwrites in every call."""

    def __init__(self, start, step):
        super().__init__()
        self.register_buffer("kept", start)
        self.step = step

    def forward(self, x):
        self.step(self, x)
        return x * (1 + self.kept[:, None, None])


def assigned(layer, _):
    layer.kept.data = layer.kept + 0.1


# How the tensor is overwritten, and the step that gives another value first.
OVERWRITING = {
    "noise": (lambda layer, _: layer.kept.normal_(), "normal"),
    "counter": (lambda layer, _: layer.kept.add_(0.1), "add"),
    "running mean": (
        lambda layer, x: layer.kept.mul_(0.9).add_(0.1 * x.mean((0, 2, 3))),
        "mul",
    ),
    "by what a step gave": (lambda layer, _: layer.kept.mul_(1).add_(0.1), "mul"),
    "view": (lambda layer, _: layer.kept.view(2, 2)[0].add_(0.1), "view"),
    "data": (lambda layer, _: layer.kept.data.add_(0.1), "data"),
    "assigned data": (assigned, "add"),
    "out": (lambda layer, _: torch.add(layer.kept, 0.1, out=layer.kept), "add"),
    "items": (lambda layer, x: layer.kept.__setitem__(0, layer.kept[0] + 0.1), "getitem"),
}


@pytest.mark.parametrize("case", OVERWRITING)
def test_a_kept_tensor_that_every_call_overwrites_is_found(case):
    step, name = OVERWRITING[case]
    net = network(middle=Keeping(torch.zeros(4), step))
    with pytest.raises(ModelError, match=f"{AGAIN}: the step '{name}' in layer 'middle'"):
        classifier(net)


HARMLESS = {
    "set each time": lambda layer, _: layer.kept.zero_().add_(0.1),
    "a copy": lambda layer, _: layer.kept.double().add_(0.1),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_kept_tensor_that_is_the_same_in_every_call_is_no_dependence(case):
    net = network(middle=Keeping(torch.zeros(4), HARMLESS[case]))
    clf = classifier(copy.deepcopy(net))
    assert clf.dtype == torch.float32
    x = torch.rand(2, 3, 8, 8)
    scores = net(x)
    with torch.no_grad(), Float64Mode():
        double, again = net(x), net(x)
    assert torch.equal(double, again)
    assert torch.allclose(double, scores.double(), atol=1e-5)
    assert net.middle.kept.dtype == torch.float32


DEPENDENT = {
    "batchnorm": (
        network(middle=nn.BatchNorm2d(4, track_running_stats=False)),
        f"{BATCH}: the step 'batch_norm' in layer 'middle' .*track_running_stats=True",
    ),
    "functional batchnorm": (
        network(lambda _, x: F.batch_norm(x, None, None, training=True)),
        f"{BATCH}: the step 'batch_norm' in the model takes something from the whole batch",
    ),
    "batch mean": (network(lambda _, x: x - x.mean(0)), f"{BATCH}: the step 'mean' in the model"),
    "first": (network(lambda _, x: x - 0.5 * x[:1]), f"{BATCH}: the step 'getitem' in the model"),
    "last": (network(lambda _, x: x - 0.5 * x[-1:]), f"{BATCH}: the step 'getitem' in the model"),
    "neighbour": (network(lambda _, x: x + x.roll(1, 0)), f"{BATCH}: the step 'roll' in the model"),
    "softmax over the batch": (
        network(middle=nn.Softmax(0)),
        f"{BATCH}: the step 'softmax' in layer 'middle'",
    ),
    "dropout": (
        network(lambda _, x: F.dropout(x, 0.5)),
        f"{AGAIN}: the step 'dropout' in the model .*training=self.training",
    ),
    "dropout2d": (network(lambda _, x: F.dropout2d(x)), f"{AGAIN}: the step 'dropout2d'"),
    "noise layer": (
        network(middle=Of(lambda x: x + 0.1 * torch.randn_like(x))),
        f"{AGAIN}: the step 'randn_like' in layer 'middle'",
    ),
    "torch.rand": (
        network(lambda _, x: x * torch.rand(1)),
        f"{AGAIN}: the step 'rand' in the model",
    ),
    "NumPy": (network(lambda _, x: x * np.random.rand()), f"{AGAIN}: the step 'mul' in the model"),
    "Python": (network(lambda _, x: x * random.random()), f"{AGAIN}: the step 'mul' in the model"),
    "counter": (network(counted), f"{AGAIN}: the step 'mul' in the model .* earlier calls"),
}


@pytest.mark.parametrize("case", DEPENDENT)
def test_what_depends_on_more_than_the_picture_is_refused_and_named(case):
    net, sentence = DEPENDENT[case]
    with pytest.raises(ModelError, match=sentence):
        classifier(net)


def test_a_draw_that_comes_out_the_same_twice_is_found_all_the_same():
    # Those of the two calls with the picture alone are equal.
    draws = iter([1.0, 2.0, 2.0, 3.0, 4.0, 5.0])
    net = network(lambda _, x: x * next(draws, 6.0))
    with pytest.raises(ModelError, match=f"{AGAIN}: the step 'mul' in the model"):
        classifier(net)


def test_batchnorm_that_needs_a_batch_is_refused_by_its_layer():
    net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(192, track_running_stats=False))
    with pytest.raises(ModelError, match="fails on one alone in layer '1'; BatchNorm without"):
        classifier(nn.Sequential(*net, nn.Linear(192, 3)))


def test_a_network_that_gives_no_row_for_each_picture_is_refused():
    with pytest.raises(
        ModelError, match=r"one row of scores for each picture; .*\[1, 3\], for one"
    ):
        classifier(network(lambda _, x: x.mean(0, keepdim=True)))


def test_the_global_random_states_stay_what_they_were():
    states = (
        lambda: torch.get_rng_state().tolist(),
        lambda: np.random.get_state()[1].tolist(),
        random.getstate,
    )
    net = network()
    before = [state() for state in states]
    classifier(net)
    with pytest.raises(ModelError):
        classifier(DEPENDENT["dropout"][0])
    assert [state() for state in states] == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_rounding_is_no_dependence(dtype):
    # Each turn of t -> 3.9 t (1 - t) about doubles a difference: of what float32 rounds, twelve
    # make some thousandths of the value, and of what float64 rounds 2e-9 of that.
    def chaotic(_, x):
        x = x.sum(1, keepdim=True).sigmoid()
        for _ in range(12):
            x = 3.9 * x * (1 - x)
        return x.expand(-1, 4, -1, -1)

    clf = classifier(network(chaotic).to(dtype), (24, 24))
    assert clf.dtype == dtype


def test_a_chunk_gives_what_the_whole_gives_on_a_network_that_passes():
    clf = classifier(network(middle=nn.BatchNorm2d(4)).double())
    x = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    whole = explain(clf, x, 1)
    parts = torch.cat([explain(clf, one, 1) for one in x[:, None]])
    assert torch.allclose(whole, parts, rtol=1e-12, atol=1e-15)
