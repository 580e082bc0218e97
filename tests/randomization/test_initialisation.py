"""New weights of one module: where they come from, and how they are distributed."""

import copy
import math

import pytest
import torch
from torch import nn

from tests.randomization.small_networks import (
    CLASSES,
    KINDS,
    SIZE,
    order_counts,
    tensors,
    trained,
)
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomizable_layers, randomized
from xai_core.randomization.initialisation import new_tensors


def fresh(module, seed):
    """The module as its own ``reset_parameters`` makes it with this seed."""
    made = copy.deepcopy(module)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        made.reset_parameters()
    return made


@pytest.mark.parametrize(
    "module",
    [
        nn.Linear(9, 5).double(),
        nn.Linear(9, 5, bias=False),
        nn.Conv2d(3, 4, 3, groups=1),
        nn.Conv2d(4, 4, 3, groups=4, bias=False).double(),
        nn.ConvTranspose2d(3, 4, 3),
        nn.PReLU(4),
        nn.Embedding(5, 4),
        nn.Bilinear(3, 4, 5),
        nn.GroupNorm(2, 4),
    ],
    ids=lambda module: type(module).__name__,
)
def test_by_default_a_module_is_as_it_makes_itself(module, monkeypatch):
    monkeypatch.setattr("xai_core.randomization.initialisation._seed", lambda seed, *names: seed)
    wanted = [name for name, _ in module.named_parameters()]
    found = new_tensors(module, "any", wanted, "default", 7)
    expected = fresh(module, 7)
    assert list(found) == wanted
    for name, tensor in found.items():
        assert torch.equal(tensor, getattr(expected, name))
        assert tensor.dtype == getattr(module, name).dtype


@pytest.mark.parametrize("init", ["default", "he_normal", "permute"])
def test_how_weights_lie_in_memory_is_no_part_of_the_draw(init):
    module = nn.Conv2d(3, 4, 3)
    other = copy.deepcopy(module).to(memory_format=torch.channels_last)
    assert other.weight.stride() != module.weight.stride()
    found, expected = (new_tensors(one, "any", ["weight"], init, 7) for one in (other, module))
    assert torch.equal(found["weight"], expected["weight"])


def test_an_initialisation_with_torchs_own_distributions_uses_the_seed_alone(monkeypatch):
    monkeypatch.setattr("xai_core.randomization.initialisation._seed", lambda seed, *names: seed)

    class Many(nn.Module):
        def __init__(self):
            super().__init__()
            for number in range(7):
                setattr(self, f"p{number}", nn.Parameter(torch.zeros(6, 6)))

        def reset_parameters(self):
            nn.init.trunc_normal_(self.p0)
            nn.init.xavier_normal_(self.p1)
            nn.init.orthogonal_(self.p2)
            nn.init.sparse_(self.p3, 0.5)
            self.p4.copy_(torch.randn(6, 6))
            self.p5.copy_(torch.rand_like(self.p5)[torch.randperm(6)])
            self.p6.bernoulli_(0.5)

    module, state = Many(), torch.get_rng_state()
    found = new_tensors(module, "any", [f"p{number}" for number in range(7)], "default", 7)
    assert torch.equal(torch.get_rng_state(), state)
    expected = fresh(module, 7)
    for name, tensor in found.items():
        assert torch.equal(tensor, getattr(expected, name)), name


@pytest.mark.parametrize("init", ["default", "he_normal"])
def test_a_batchnorm_begins_as_one_that_has_seen_nothing(init):
    module = randomized(trained("plain"), 5, init=init).module
    for norm in (module.bn1, module.bn4):
        assert (norm.weight == 1).all()
        assert not norm.bias.any()
    for norm in (module.bn1, module.bn2, module.bn4):
        assert not norm.running_mean.any()
        assert (norm.running_var == 1).all()


def test_he_normal_has_variance_two_by_inputs_and_no_bias():
    inputs, outputs = 8 * 3 * 3, 600
    layer = nn.Conv2d(8, outputs, 3).double()
    linear = nn.Linear(inputs, outputs)
    for module in (layer, linear):
        found = new_tensors(module, "any", ["weight", "bias"], "he_normal", 5)
        weight, n = found["weight"].double(), inputs * outputs
        expected = math.sqrt(2 / inputs)
        # Standard errors of a normal sample: s / sqrt(n) of the mean, s / sqrt(2 n) of the
        # standard deviation s, sqrt(24 / n) of the kurtosis, which is 3.
        assert abs(weight.mean().item()) < 4 * expected / math.sqrt(n)
        assert abs(weight.std().item() - expected) < 4 * expected / math.sqrt(2 * n)
        kurtosis = (weight / weight.std()).pow(4).mean().item()
        assert abs(kurtosis - 3) < 4 * math.sqrt(24 / n), "normal, not uniform"
        assert not found["bias"].any()
        assert found["bias"].shape == (outputs,)


# What computes a weight from other tensors shuffles the weight: test_parametrised.py.
@pytest.mark.parametrize("kind", sorted({*KINDS} - {"computed", "spectral"}))
def test_permuting_keeps_the_values_of_every_tensor_and_changes_their_order(kind):
    clf = trained(kind)
    twin = randomized(clf, len(randomizable_layers(clf)), init="permute")
    one, other = tensors(clf), tensors(twin)
    for name, tensor in one.items():
        assert torch.equal(tensor.flatten().sort().values, other[name].flatten().sort().values)
        assert tensor.shape == other[name].shape
        if order_counts(tensor):
            assert not torch.equal(tensor, other[name])


@pytest.mark.parametrize("init", ["default", "he_normal"])
def test_what_no_rule_reaches_is_noise_of_the_trained_root_mean_square(init):
    class Raw(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 1)
            self.position = nn.Parameter(torch.full((1, 3, *SIZE), 40.0))
            self.nothing = nn.Parameter(torch.zeros(3, 1, 1))

        def forward(self, x):
            return (self.conv(x) + self.position + self.nothing).mean((2, 3))

    module = randomized(Classifier(Raw(), CLASSES, SIZE), 1, init=init).module
    noise, n = module.position, 3 * 16 * 16
    assert abs(noise.std().item() / 40 - 1) < 4 / math.sqrt(2 * n)
    assert abs(noise.mean().item()) < 4 * 40 / math.sqrt(n)
    assert not module.nothing.any()
