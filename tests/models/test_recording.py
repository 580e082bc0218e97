"""A run that reuses what another network's run has in common with it."""

from collections import Counter, OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations
from torch.utils._python_dispatch import TorchDispatchMode

from tests.networks import Of, pictures
from tests.randomization.small_networks import KINDS, SIZE, trained
from xai_core.errors import MethodError
from xai_core.models.recording import record_module, why_not_recorded
from xai_core.randomization import randomizable_layers, randomized


class Computed(TorchDispatchMode):
    """Within the block, counts what is really computed, by the name of the operation."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.counts[func.__name__.partition(".")[0]] += 1
        return func(*args, **(kwargs or {}))


def recorded(module, x, known=None):
    with torch.no_grad():
        return record_module(module, x, known)


def equal(one, other):
    """Whether two tapes hold the same numbers, bit by bit, in the same places."""
    same = [torch.equal(a, b) for a, b in zip(one.values, other.values, strict=True)]
    steps = [
        (a.function, a.inputs, a.outputs, a.layer) == (b.function, b.inputs, b.outputs, b.layer)
        for a, b in zip(one.steps, other.steps, strict=True)
    ]
    return all(same) and all(steps) and (one.layers, one.output) == (other.layers, other.output)


def reused(tape, known):
    """Numbers of the values that are the very objects of the known tape."""
    return {
        number
        for number, (a, b) in enumerate(zip(tape.values, known.values, strict=True))
        if a is b
    }


@pytest.mark.parametrize(("start", "mode"), [("output", "cascading"), ("input", "independent")])
@pytest.mark.parametrize("kind", KINDS)
def test_with_a_known_run_every_value_is_what_it_is_without(kind, start, mode):
    clf, x = trained(kind), pictures(*SIZE)
    known = recorded(clf.module, x)
    for depth in range(len(randomizable_layers(clf)) + 1):
        twin = randomized(clf, depth, mode, start=start).module
        assert equal(recorded(twin, x, known), recorded(twin, x))


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_same_network_nothing_is_computed_again_but_what_hangs_on_computed_tensors(kind):
    clf, x = trained(kind), pictures(*SIZE)
    known = recorded(clf.module, x)
    again = recorded(clf.private().module, x, known)
    assert equal(again, known)
    # The class token, enlarged for the batch, joins the patches behind the pictures, their
    # convolution, a reshape and a permutation; the normalised weight is that behind the first ReLU.
    first = {"transformer": 4, "computed": 3, "spectral": 3}.get(kind, len(known.values))
    assert reused(again, known) == set(range(first))


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
def test_what_comes_before_the_first_new_layer_is_the_known_object(depth):
    clf, x = trained("plain"), pictures(*SIZE)
    known = recorded(clf.module, x)
    layer = randomizable_layers(clf)[depth - 1].name
    tape = recorded(randomized(clf, depth).module, x, known)
    first = known.layers[layer][0]
    assert reused(tape, known) == set(range(first))
    assert not torch.equal(tape.values[first], known.values[first])


def test_beside_a_new_layer_other_branches_are_known():
    # One block: residual conv1, bn1, relu1, conv2, bn2; shortcut proj_conv, proj_bn.
    clf, x = trained("branches"), pictures(*SIZE)
    known = recorded(clf.module, x)

    def new(name):
        twin = randomized(clf, name, "independent").module
        tape = recorded(twin, x, known)
        known_ones = reused(tape, known)
        return {layer for layer, (number,) in tape.layers.items() if number not in known_ones}

    behind = {"block.relu2", "block", "pool", "flatten", "fc", ""}
    assert new("block.conv2") == behind | {"block.conv2", "block.bn2", "block.add"}
    assert new("block.proj_conv") == behind | {"block.proj_conv", "block.proj_bn", "block.add"}


def test_only_what_is_new_is_computed():
    clf, x = trained("plain"), pictures(*SIZE)
    with Computed() as whole:
        known = recorded(clf.module, x)
    assert whole.counts["convolution"] == 3
    assert whole.counts["relu"] == 4
    for depth, convolutions, rectifiers, linear in ((1, 0, 0, 1), (2, 0, 1, 2), (4, 2, 3, 2)):
        twin = randomized(clf, depth).module
        with Computed() as part:
            recorded(twin, x, known)
        assert part.counts["convolution"] == convolutions
        assert part.counts["relu"] == rectifiers
        assert part.counts["addmm"] == linear


def test_a_tensor_that_came_in_a_tuple_comes_in_one_again():
    """Attention gives its result and None where the weights are not asked for."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Flatten(2), nn.TransformerEncoderLayer(256, 2, 8, batch_first=True), nn.Flatten()
    )
    net, x = net.double().eval().requires_grad_(False), pictures(*SIZE)
    known = recorded(net, x)
    assert equal(recorded(net, x, known), known)


# The dangerous case: weights that are computed in every run


def weight_normed():
    torch.manual_seed(0)
    net = nn.Sequential(
        OrderedDict(
            conv1=parametrizations.weight_norm(nn.Conv2d(3, 4, 3)),
            relu=nn.ReLU(),
            conv2=nn.Conv2d(4, 3, 3),
            pool=nn.AdaptiveAvgPool2d(1),
            flatten=nn.Flatten(),
        )
    )
    return net.double().eval().requires_grad_(False)


def test_a_computed_weight_is_never_taken_from_the_known_network():
    x = pictures(*SIZE)
    known = recorded(weight_normed(), x)
    for part in ("original0", "original1"):
        other = weight_normed()
        parameters = other.conv1.parametrizations.weight
        # In place, and in the very tensor that the known network was run with: of all ways to
        # change a weight the one that leaves no other trace.
        getattr(parameters, part).mul_(
            torch.linspace(1, 2, 4, dtype=torch.float64)[:, None, None, None]
        )
        getattr(parameters, part)[0] += 0.5
        tape = recorded(other, x, known)
        assert equal(tape, recorded(other, x))
        assert torch.equal(tape.values[tape.output], other(x))
        assert not torch.allclose(tape.values[tape.output], known.values[known.output])
        assert reused(tape, known) == {0}


def test_a_computed_weight_is_computed_again_for_the_very_same_network():
    x, net = pictures(*SIZE), weight_normed()
    known = recorded(net, x)
    net.conv1.parametrizations.weight.original1[0] += 0.5
    tape = recorded(net, x, known)
    assert torch.equal(tape.values[tape.output], net(x))
    assert not torch.allclose(tape.values[tape.output], known.values[known.output])


class Gated(nn.Module):
    """Weights made of parameters by arithmetic, a view, and a number read from one."""

    def __init__(self, gate):
        super().__init__()
        self.weight = nn.Parameter(torch.arange(9.0, dtype=torch.float64).view(3, 3))
        self.gate = nn.Parameter(torch.tensor(gate, dtype=torch.float64))
        self.way = "all"

    def forward(self, x):
        x = x.mean((2, 3))
        if self.way == "number":
            return x * self.gate.item()
        if self.way == "view":
            return x * self.gate.view(1, 1)
        return F.linear(x, self.weight * self.gate)


@pytest.mark.parametrize("way", ["number", "view", "product"])
def test_weights_made_of_others_are_made_again(way):
    x, one, other = pictures(*SIZE), Gated(2.0), Gated(3.0)
    other.weight = one.weight
    one.way = other.way = way
    known = recorded(one, x)
    tape = recorded(other, x, known)
    assert torch.equal(tape.values[tape.output], other(x))
    assert not torch.allclose(tape.values[tape.output], known.values[known.output])
    assert tape.values[1] is known.values[1]  # the mean, with which both begin


# Networks that differ in what they do


STEPS = {
    "function": (lambda x: x.sin(), lambda x: x.cos()),
    "number": (lambda x: x * 2, lambda x: x * 3),
    "kind of number": (lambda x: x.long() + 1, lambda x: x.long() + 1.0),
    "keyword": (lambda x: F.avg_pool2d(x, 2, stride=1), lambda x: F.avg_pool2d(x, 2, stride=2)),
    "missing keyword": (lambda x: x.sum(1), lambda x: x.sum(1, keepdim=True)),
    "place in a list": (lambda x: x.flip([2, 3]), lambda x: x.flip([2])),
    "order": (lambda x: torch.cat([x, x.neg()]), lambda x: torch.cat([x.neg(), x])),
    "one more step": (lambda x: x.neg(), lambda x: x.neg().neg()),
    "one step less": (lambda x: x.neg().neg(), lambda x: x.neg()),
    "several values": (lambda x: x.chunk(2)[0], lambda x: x.chunk(2)[1]),
    "which of two inputs": (
        lambda x: x.sin() - x.cos(),
        lambda x: (x.sin(), x.cos())[1] - x,
    ),
    "index": (lambda x: x[:, 1:], lambda x: x[:, :2]),
    "type": (lambda x: x.to(torch.float64) + 1, lambda x: x.to(torch.float32) + 1),
    "not a number": (lambda x: x * float("nan"), lambda x: x * float("nan")),
}


@pytest.mark.parametrize("difference", STEPS)
def test_a_step_that_differs_is_computed(difference):
    def of(step):
        return Of(lambda x: step(x.relu()).flatten(1)[:, :3])

    x, (one, other) = pictures(*SIZE), map(of, STEPS[difference])
    known = recorded(one, x)
    tape, expected = recorded(other, x, known), recorded(other, x)
    assert tape.values[1] is known.values[1]  # the ReLU, with which both begin
    assert len(tape.steps) == len(expected.steps)
    for found, wanted in zip(tape.values, expected.values, strict=True):
        assert found.dtype == wanted.dtype
        assert torch.equal(found.nan_to_num(77), wanted.nan_to_num(77))


def test_other_pictures_have_nothing_in_common():
    clf, x = trained("plain"), pictures(*SIZE)
    known = recorded(clf.module, x)
    other = x.clone()
    tape = recorded(clf.module, other, known)  # equal, but another object
    assert not reused(tape, known)
    assert equal(tape, known)


def test_a_known_run_may_be_used_often_and_is_not_changed():
    clf, x = trained("branches"), pictures(*SIZE)
    known = recorded(clf.module, x)
    count, values = len(known.steps), [value.clone() for value in known.values]
    for seed in range(3):
        twin = randomized(clf, 3, seed=seed).module
        assert equal(recorded(twin, x, known), recorded(twin, x))
    assert len(known.steps) == count
    assert all(torch.equal(a, b) for a, b in zip(values, known.values, strict=True))


def test_a_run_that_is_partly_known_can_itself_be_known():
    clf, x = trained("plain"), pictures(*SIZE)
    one, two = randomized(clf, 1).module, randomized(clf, 2).module
    first = recorded(one, x, recorded(clf.module, x))
    second = recorded(two, x, first)
    assert equal(second, recorded(two, x))
    assert reused(second, first)


# Values that are overwritten


def overwriting(x):
    """The same as ``keeping``, in place."""
    y = x[:, :1].clone()
    y += x[:, 1:2]
    y.mul_(2).add_(x[:, 2:])
    y[y < 0.3] = -1
    F.leaky_relu(y, 0.1, inplace=True)
    z = torch.zeros_like(x)
    z[:, 1:] = y
    torch.add(z, 1, out=z)
    z.unsqueeze_(0)
    return z.squeeze(0).flatten(1)


def keeping(x):
    y = (x[:, :1] + x[:, 1:2]) * 2 + x[:, 2:]
    y = F.leaky_relu(torch.where(y < 0.3, -1, y), 0.1)
    return (torch.cat([torch.zeros_like(y), y, y], 1) + 1).flatten(1)


def replayed(tape, x):
    """The logits of other pictures, by the steps of the tape alone."""
    values = {0: x}
    for step in tape.steps:
        given = step.call(*(values[number] for number in step.inputs))
        values.update(zip(step.outputs, given, strict=True))
    return values[tape.output]


def test_overwriting_steps_give_new_values():
    x = pictures(*SIZE)
    before = x.clone()
    tape = recorded(Of(overwriting), x)
    assert torch.equal(x, before)
    assert tape.values[0] is x
    assert torch.equal(tape.values[tape.output], keeping(x))
    # Every value is still what it was, and the steps alone give it again.
    values = {0: x}
    for step in tape.steps:
        found = step.call(*(tape.values[number] for number in step.inputs))
        values.update(zip(step.outputs, found, strict=True))
    assert all(torch.equal(values[number], value) for number, value in enumerate(tape.values))
    assert torch.equal(replayed(tape, x.flip(3)), keeping(x.flip(3)))
    assert torch.equal(x, before)


def test_a_known_run_is_not_overwritten():
    x, net = pictures(*SIZE), Of(overwriting)
    known = recorded(net, x)
    values = [value.clone() for value in known.values]
    again = recorded(net, x, known)
    assert torch.equal(again.values[again.output], keeping(x))
    assert all(torch.equal(a, b) for a, b in zip(values, known.values, strict=True))
    # Up to the values written into a new tensor, all is known.
    assert len(reused(again, known)) >= 9


def test_a_first_layer_in_place_leaves_the_pictures():
    x = pictures(*SIZE)
    before = x.clone()
    tape = recorded(nn.Sequential(nn.ReLU(inplace=True), nn.Flatten()), x)
    assert torch.equal(x, before)
    assert torch.equal(tape.values[tape.output], before.relu().flatten(1))


def test_layers_gave_what_they_gave_when_they_ran():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten()).double()
    x = pictures(*SIZE)
    tape = recorded(net, x)
    (conv,), (relu,) = tape.layers["0"], tape.layers["1"]
    assert torch.equal(tape.values[conv], net[0](x))
    assert torch.equal(tape.values[relu], net[0](x).relu())


def seen_through_a_view(x):
    y = x.clone()
    y.flatten(1).relu_()
    return y.flatten(1)


def view_taken_before(x):
    y = x.neg()
    flat = y.view(len(y), -1)
    y.relu_()
    return flat


def one_row(x):
    y = x.clone()
    y[:, 0].mul_(2)
    return y.flatten(1)


def column_of_a_constant(x):
    y = torch.zeros_like(x)
    y[:, 0].copy_(x[:, 1])
    return y.flatten(1)


def constant_changed(x):
    mask = torch.ones_like(x)
    y = x * mask
    mask[:, 0] = 0
    return (y * mask).flatten(1)


ALIASES = {
    "seen through a view": (seen_through_a_view, "'relu' in the model overwrites a value that"),
    "view taken before": (view_taken_before, "'relu' in the model overwrites a value that"),
    "one row": (one_row, "'mul' in the model overwrites a value that"),
    "column of a constant": (column_of_a_constant, "'copy' in the model overwrites a value that"),
    "constant changed": (constant_changed, "changes a tensor that an earlier step has used"),
}


@pytest.mark.parametrize("kind", ALIASES)
def test_memory_that_two_values_share_is_not_overwritten_in_silence(kind):
    function, sentence = ALIASES[kind]
    with pytest.raises(MethodError, match=sentence):
        recorded(Of(function), pictures(*SIZE))


def squared_in_place(x):
    y = x.clone()
    y **= 2
    return y


@pytest.mark.parametrize("square", [lambda x: x**2, squared_in_place])
def test_powers_by_their_operator(square):
    x = pictures(*SIZE)
    tape = recorded(Of(lambda x: square(x).flatten(1)), x)
    assert torch.equal(tape.values[tape.output], (x * x).flatten(1))


def test_a_view_that_is_not_used_afterwards_may_be_overwritten():
    x = pictures(*SIZE)
    tape = recorded(Of(lambda x: (x + 1).flatten(1).relu_()), x)
    assert torch.equal(tape.values[tape.output], (x + 1).flatten(1).relu())


def test_a_step_that_reads_an_attribute_bears_its_name():
    tape = recorded(Of(lambda x: (2 * x).data.flatten(1)), pictures(*SIZE))
    assert [step.label.partition(" ")[0] for step in tape.steps] == [
        "'mul'",
        "'data'",
        "'flatten'",
    ]


# What is no torch function


def gated(x):
    return x * x.sigmoid()


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_run_that_goes_through_something_else_is_not_taken_for_whole():
    x, compiled = pictures(*SIZE), torch.jit.script(gated)
    net = Of(lambda x: (x.relu() + compiled(x)).flatten(1))
    assert "The step 'add' in the model depends on the picture by way of" in why_not_recorded(
        net, x
    )
    assert "The model's output depends on" in why_not_recorded(Of(lambda x: compiled(x)), x)
    through_numpy = Of(lambda x: (x + torch.from_numpy(x.numpy())).flatten(1))
    assert "cannot be followed with gradients: " in why_not_recorded(through_numpy, x)
    for sound in (keeping, overwriting, lambda x: x.flatten(1) * (x.flatten(1) > 0)):
        assert why_not_recorded(Of(sound), x) == ""
    assert "do not depend on the picture" in why_not_recorded(Of(torch.zeros_like), x)
