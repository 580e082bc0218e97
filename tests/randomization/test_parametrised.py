"""Layers that compute their weight lose what they learnt like others."""

import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize, prune

from tests.randomization.small_networks import CLASSES, SIZE, wrapped
from xai_core.errors import MethodError
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomized
from xai_core.randomization.initialisation import INITS, new_tensors


def old(wrap):
    """PyTorch's forms from before parametrisations, which it still reads."""

    def wrapped(module):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            return wrap(module)

    return wrapped


WEIGHT_NORMS = {
    "weight": parametrizations.weight_norm,
    "old weight": old(nn.utils.weight_norm),
}
SPECTRAL_NORMS = {
    "spectral": parametrizations.spectral_norm,
    "old spectral": old(nn.utils.spectral_norm),
}
NORMS = {**WEIGHT_NORMS, **SPECTRAL_NORMS}


def trained(wrap):
    """Trained weights, of another size than an initialisation's, with settled vectors."""
    net = wrapped(wrap).double().train()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(7)
        for _ in range(20):
            net(torch.rand(2, 3, *SIZE).double())
    return Classifier(net, CLASSES, SIZE)


def weight(clf):
    """The weight that the second convolution runs with."""
    with torch.no_grad():
        clf.module(torch.zeros(1, 3, *SIZE).double())
        return clf.module.conv2.weight.detach()


def plain(clf, init, seed=0):
    """New weights of the convolution, had it the same values without a parametrisation."""
    layer = nn.Conv2d(6, 6, 3).double().requires_grad_(False)
    layer.weight.copy_(weight(clf))
    layer.bias.copy_(clf.module.conv2.bias)
    return new_tensors(layer, "conv2", ["weight", "bias"], init, seed)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("norm", WEIGHT_NORMS)
def test_with_weight_norm_the_weight_is_a_plain_layer_s(norm, init):
    clf = trained(WEIGHT_NORMS[norm])
    twin = randomized(clf, 2, init=init)
    expected = plain(clf, init)
    # w / |w| * |w| rounds a few times.
    torch.testing.assert_close(weight(twin), expected["weight"], rtol=1e-14, atol=0)
    assert torch.equal(twin.module.conv2.bias, expected["bias"])


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("norm", SPECTRAL_NORMS)
def test_with_spectral_norm_it_is_that_divided_by_its_largest_singular_value(norm, init):
    clf = trained(SPECTRAL_NORMS[norm])
    twin = randomized(clf, 2, init=init)
    expected, found = plain(clf, init)["weight"], weight(twin)
    ratio = (expected / found).mean()
    torch.testing.assert_close(found * ratio, expected, rtol=1e-12, atol=0)
    # Of unit vectors, u W v is at most the largest singular value; the vectors of the trained
    # weight, or of none, would give far less than the second one.
    values = torch.linalg.svdvals(expected.flatten(1))
    assert values[1] < ratio <= values[0] * (1 + 1e-12)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("norm", NORMS)
def test_nothing_is_left_of_what_was_learnt_and_the_model_stays_as_it_was(norm, init):
    clf = trained(NORMS[norm])
    before = {name: tensor.clone() for name, tensor in clf.module.state_dict().items()}
    x = torch.rand(1, 3, *SIZE).double()
    answer, state = clf.logits(x), torch.get_rng_state()
    twin = randomized(clf, 3, init=init)
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in twin.module.state_dict().items():
        assert not torch.equal(tensor, before[name]), name
        assert torch.equal(clf.module.state_dict()[name], before[name]), name
    assert torch.equal(clf.logits(x), answer)
    assert not torch.equal(twin.logits(x), answer)
    assert torch.equal(twin.logits(x), randomized(clf, 3, init=init).logits(x))
    assert not torch.equal(twin.logits(x), randomized(clf, 3, init=init, seed=1).logits(x))


@pytest.mark.parametrize("norm", NORMS)
def test_the_new_weight_stands_where_methods_read_it_before_any_run(norm):
    twin = randomized(trained(NORMS[norm]), 2)
    before = twin.module.conv2.weight.detach().clone()
    assert torch.equal(before, weight(twin))


def test_other_parametrisations_are_given_weights_as_a_user_assigns_them():
    clf = trained(parametrizations.orthogonal)
    twin = randomized(clf, 2)
    found = weight(twin)
    # Every kernel of three by three is orthogonal.
    expected = torch.eye(3).double().expand(6, 6, 3, 3)
    torch.testing.assert_close(found @ found.mT, expected, rtol=0, atol=1e-12)
    assert not torch.allclose(found, weight(clf), atol=0.1)


class Doubled(nn.Module):
    def forward(self, weight):
        return 2 * weight


class Scaled(nn.Module):
    """Keeps what it learnt in a buffer that nothing sets anew."""

    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.tensor(3.0).double())

    def forward(self, weight):
        return self.scale * weight

    def right_inverse(self, weight):
        return weight / self.scale


@pytest.mark.parametrize("kind", [Doubled, Scaled])
def test_what_cannot_be_given_a_new_weight_is_named(kind):
    def wrap(module):
        parametrize.register_parametrization(module.double(), "weight", kind())
        return module

    clf = trained(wrap)
    answer = clf.logits(torch.ones(1, 3, *SIZE).double())
    sentence = rf"The layer 'conv2' computes its weight by {kind.__name__}, which cannot be given"
    with pytest.raises(MethodError, match=sentence):
        randomized(clf, 2)
    assert torch.equal(clf.logits(torch.ones(1, 3, *SIZE).double()), answer)
    randomized(clf, 1)  # the layer before it is none of its business


def test_a_pruned_layer_is_named():
    clf = trained(lambda module: prune.l1_unstructured(module, "weight", 0.5))
    with pytest.raises(MethodError, match=r"The layer 'conv2' is pruned: .*prune\.remove first"):
        randomized(clf, 2)
