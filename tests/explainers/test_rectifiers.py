"""A ReLU is a ReLU in whatever words, and what is none is refused by name."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from tests.networks import GuidedReLU, Net, Of, normal, pictures
from xai_core.errors import MethodError
from xai_core.explainers import explain
from xai_core.explainers.graph import read
from xai_core.explainers.nodes import Activation, Constant, Node, Rectifier
from xai_core.models.classifier import Classifier
from xai_core.models.recording import record_module

SIZE = (8, 8)
RECTIFYING = ("guided_backprop", "deconvnet", "rectgrad")
METHODS = {
    "guided_backprop": {},
    "deconvnet": {},
    "rectgrad": {"q": 60.0},
    "guided_gradcam": {"layer": "conv1"},
    "lrp_epsilon": {},
    "lrp_alpha2_beta1": {},
    "deeplift": {},
    "deeplift_rc": {},
    "pattern_attribution": {},
    "fullgrad": {},
    "gradcam_pp": {"layer": "conv1"},
}


def network(step):
    """Two convolutions and a linear layer, each of the first two followed by ``step``."""

    def run(net, x):
        x = net.step(net.conv1(x))
        x = net.step(net.conv2(x))
        return net.fc(x.mean((2, 3)))

    net = Net(
        run,
        conv1=nn.Conv2d(3, 5, 3),
        conv2=nn.Conv2d(5, 6, 3, stride=2),
        fc=nn.Linear(6, 3),
        step=step,
    )
    return normal(net.double(), 0.5, torch.Generator().manual_seed(0))


def classifier(step):
    return Classifier(network(step), ["a", "b", "c"], SIZE)


X, TARGETS = pictures(*SIZE), [2, 0]


IN_PLACE = nn.ReLU(inplace=True)


def masked(x):
    y = x.clone()
    y[y < 0] = 0
    return y


def masked_in_place(x):
    x[x < 0] = 0
    return x


def masked_by_another(x):
    y = x.clone()
    y[x <= 0] = 0.0
    return y


def effect_only(x):
    x.relu_()
    return x


def effect_of_module(x):
    IN_PLACE(x)
    return x


def written_out(x):
    out = torch.empty_like(x)
    torch.clamp(x, min=0, out=out)
    return out


def by_index(x):
    y = x.clone()
    y.masked_fill_(x < 0, 0)
    return y


def multiplied_in_place(x):
    x *= x > 0
    return x


RELUS = {
    "F.relu": lambda x: F.relu(x),
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu in place by position": lambda x: F.relu(x, True),
    "F.relu_": lambda x: F.relu_(x),
    "F.relu of a keyword": lambda x: F.relu(input=x),
    "torch.relu": torch.relu,
    "relu_": lambda x: x.relu_(),
    "only the effect of relu_": effect_only,
    "only the effect of a module": effect_of_module,
    "module in place": nn.ReLU(inplace=True),
    "one module for all": nn.ReLU(),
    "in a block": nn.Sequential(nn.Identity(), nn.ReLU()),
    "clamp": lambda x: x.clamp(min=0),
    "clamp by tensor": lambda x: x.clamp(min=torch.zeros(1, dtype=x.dtype)),
    "clamp_": lambda x: x.clamp_(0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "clip": lambda x: torch.clip(x, 0, None),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "nn.Threshold": nn.Threshold(0, 0, inplace=True),
    "leaky with slope 0": nn.LeakyReLU(0.0),
    "prelu with slope 0": lambda x: F.prelu(x, torch.zeros(1, dtype=x.dtype)),
    "elu of height 0": nn.ELU(0.0),
    "maximum": lambda x: torch.maximum(x, torch.zeros_like(x)),
    "maximum of one zero": lambda x: torch.maximum(x, x.new_zeros(())),
    "maximum of a zero moved there": lambda x: torch.maximum(x, torch.zeros(1).to(x)),
    "max": lambda x: torch.max(x, torch.zeros_like(x)),
    "max of a stack": lambda x: torch.stack([x, torch.zeros_like(x)]).max(0).values,
    "amax of a stack": lambda x: torch.stack([x, torch.zeros_like(x)]).amax(0),
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where of zeros": lambda x: torch.where(x >= 0, x, torch.zeros_like(x)),
    "where reversed": lambda x: torch.zeros_like(x).where(x < 0, x),
    "times its mask": lambda x: x * (x > 0),
    "mask times it": lambda x: (x > 0) * x,
    "times a mask of numbers": lambda x: x * (x > 0).float(),
    "times a mask of its type": lambda x: x * x.gt(0).type_as(x),
    "times a detached mask": lambda x: x * (x.detach() > 0).to(x.dtype),
    "times its sign": lambda x: x * (x.sign() + 1) / 2,
    "multiplied in place": multiplied_in_place,
    "with abs": lambda x: (x + x.abs()) / 2,
    "with abs, halved first": lambda x: 0.5 * x + 0.5 * torch.abs(x),
    "with the negative part taken away": lambda x: x + F.relu(-x),
    "the other way round": lambda x: -(-x).clamp(max=0),
    "without its negative part": lambda x: x - x.clamp(max=0),
    "masked assignment": masked,
    "masked assignment in place": masked_in_place,
    "masked by another": masked_by_another,
    "masked_fill": lambda x: x.masked_fill(x < 0, 0),
    "masked_fill_": by_index,
}
CLIPPED = {
    "hardtanh": lambda x: F.hardtanh(x, 0, 0.3),
    "nn.Hardtanh": nn.Hardtanh(0, 0.3, inplace=True),
    "clamp": lambda x: x.clamp(0, 0.3),
    "minimum": lambda x: torch.minimum(x.relu(), torch.tensor(0.3, dtype=x.dtype)),
    "clamp of a ReLU": lambda x: x.relu().clamp(max=0.3),
    "two choices": lambda x: torch.where(x > 0.3, 0.3, torch.where(x > 0, x, 0.0)),
    "difference": lambda x: x.relu() - (x - 0.3).relu(),
}


def close(found, expected):
    assert expected.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9 * expected.abs().max().item())


@pytest.fixture(scope="module")
def expected():
    clf = classifier(F.relu)
    return {name: explain(clf, X, TARGETS, name, **options) for name, options in METHODS.items()}


@pytest.mark.parametrize("words", RELUS)
def test_a_relu_in_other_words_gives_the_maps_of_a_relu(words, expected):
    clf = classifier(RELUS[words])
    for name, maps in expected.items():
        close(explain(clf, X, TARGETS, name, **METHODS[name]), maps)


@pytest.mark.parametrize("words", CLIPPED)
def test_a_relu_with_a_ceiling_in_other_words(words):
    clf, plain = classifier(CLIPPED[words]), classifier(lambda x: F.relu6(x * 20) / 20)
    for name, options in METHODS.items():
        if name == "pattern_attribution":  # it minds that a ReLU reads the layer itself
            continue
        if name == "deeplift_rc" and words == "difference":  # at the ceiling it is only nearly so
            continue
        expected = explain(plain, X, TARGETS, name, **options)
        close(explain(clf, X, TARGETS, name, **options), expected)


# What is no ReLU


def gate_of_a_branch(x):
    return x * (x.flip(1) > 0)


def shifted_mask(x):
    return x * (x > 0.1)


def biased(x):
    return torch.where(x > 0.1, x - 0.1, torch.zeros_like(x))


def leaky(x):
    return torch.where(x > 0, x, 0.01 * x)


def by_place(x):
    y = x.flatten(1)
    return y.scatter(1, y.argmin(1, keepdim=True), 0.0).view_as(x)


def best_of_two(x):
    return torch.maximum(x, x.flip(1))


OTHERS = {
    "gate of a branch": (gate_of_a_branch, "mul"),
    "best of two branches": (best_of_two, "maximum"),
    "chosen of two branches": (lambda x: torch.where(x > 0, x, x.flip(1)), "where"),
    "shifted mask": (shifted_mask, "mul"),
    "shifted ReLU": (biased, "where"),
    "leaky": (leaky, "where"),
    "leaky by maximum": (lambda x: torch.maximum(x, 0.1 * x), "maximum"),
    "threshold": (lambda x: F.threshold(x, 0.2, 0), "threshold"),
    "other value": (lambda x: F.threshold(x, 0, -1), "threshold"),
    "ceiling alone": (lambda x: x.clamp(max=1), "clamp"),
    "two ends": (lambda x: x.clamp(-1, 1), "clamp"),
    "masked assignment of another value": (lambda x: masked(x + 1) - 0.5, None),
    "abs": (torch.abs, "abs"),
    "SiLU": (lambda x: x * torch.sigmoid(x), "mul"),
    "hard swish": (lambda x: x * F.relu6(x + 3) / 6, "mul"),
    "square": (lambda x: x * x, "mul"),
    "GELU": (nn.GELU(), "gelu"),
    "least one dropped": (by_place, "scatter"),
    "ReLU of what is not a number": (
        lambda x: torch.nan_to_num(torch.where(x > 0, x, float("nan")), 0.0),
        "where",
    ),
}


@pytest.mark.parametrize("words", OTHERS)
def test_what_is_no_relu_is_refused_by_the_name_of_the_step(words):
    step, name = OTHERS[words]
    # A ReLU beside it is no excuse.
    clf = classifier(lambda x: F.relu(step(x)))
    for method in RECTIFYING:
        if name is None:
            assert explain(clf, X, TARGETS, method).abs().max() > 0
            continue
        with pytest.raises(
            MethodError, match=f"for ReLU networks only, .* the step '{name}'.*saliency"
        ):
            explain(clf, X, TARGETS, method)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6])
def test_whether_a_step_chooses_does_not_depend_on_the_pictures(scale):
    # Of small pictures it always takes the same branch.
    clf = classifier(lambda x: torch.minimum(x.relu(), x.flip(1).relu() + 1e3))
    with pytest.raises(MethodError, match=r"for ReLU networks only, .* the step 'minimum'"):
        explain(clf, scale * X, TARGETS, "guided_backprop")
    product = classifier(lambda x: x.relu() * x.flip(1).relu())
    explain(product, scale * X, TARGETS, "guided_backprop")


def test_products_of_branches_follow_the_chain_rule():
    clf = classifier(lambda x: x.relu() * x.flip(1).relu())
    point = X.clone().requires_grad_()

    ruled = network(lambda x: GuidedReLU.apply(x) * GuidedReLU.apply(x.flip(1)))
    scores = ruled(point).gather(1, torch.tensor(TARGETS)[:, None])
    (expected,) = torch.autograd.grad(scores.sum(), point)
    close(explain(clf, X, TARGETS, "guided_backprop"), expected)


def test_a_network_without_any_is_refused():
    clf = classifier(lambda x: x)
    with pytest.raises(MethodError, match="but this model has none; saliency"):
        explain(clf, X, 0, "guided_backprop")


def test_an_activation_that_the_scores_do_not_depend_on_is_no_reason_to_refuse():
    def aside(x):
        torch.sigmoid(x)
        assert (x > -1e9).all()
        return F.relu(x)

    close(
        explain(classifier(aside), X, TARGETS, "guided_backprop"),
        explain(classifier(F.relu), X, TARGETS, "guided_backprop"),
    )


# By what its values say


def kind_of(step, dtype=torch.float64, shape=(2, 3, 4, 5)):
    """The last node of a step that follows another."""
    with torch.no_grad():
        graph = read(record_module(Of(lambda x: step(x.flip(1))), torch.ones(shape, dtype=dtype)))
    return graph.nodes[-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 3, 4, 5), (1, 4, 40, 40)])
def test_relus_are_recognised_in_every_type_and_shape(dtype, shape):
    for step in (RELUS["times its mask"], RELUS["where"], RELUS["with abs"]):
        node = kind_of(step, dtype, shape)
        assert type(node) in (Rectifier, Constant)
    node = kind_of(lambda x: torch.where(x > 2, 2.0, x * (x > 0)).to(x.dtype), dtype, shape)
    assert type(node) is Rectifier or node.step.function is torch.Tensor.to


@pytest.mark.parametrize(
    "step",
    [
        lambda x: x.softmax(1),
        lambda x: x.cumsum(3),
        lambda x: x * (x > x.flip(2)),
        lambda x: x * (x > x.mean()),
        lambda x: F.layer_norm(x, (5,)),
        lambda x: F.dropout(x, 0.5, True),
        lambda x: x.sort(3).values,
        lambda x: x.detach(),
    ],
)
def test_what_looks_at_other_elements_is_no_element_wise_function(step):
    state = torch.get_rng_state()
    with torch.random.fork_rng():
        assert type(kind_of(step)) is Node
    assert torch.equal(torch.get_rng_state(), state)


def test_a_corner_far_from_all_probes_is_found_by_the_numbers_of_the_step():
    for corner in (1e-3, 1.0001, 77.7, 1e7):
        assert kind_of(lambda x, c=corner: x.clamp(0, c)).top == corner
        shifted = kind_of(lambda x, c=corner: x * (3 * x > c))
        assert type(shifted) is Activation


def test_a_corner_that_differs_from_channel_to_channel():
    ends = torch.tensor([0.0, 0.0, 0.1], dtype=torch.float64).view(3, 1, 1)
    assert type(kind_of(lambda x: x * (x > ends))) is Activation
    assert type(kind_of(lambda x: x * (x > ends * 0))) is Rectifier


# Functions of one value, each as torch does it.
PIECES = {
    "relu": torch.relu,
    "abs": torch.abs,
    "neg": torch.neg,
    "half": lambda x: x / 2,
    "plus": lambda x: x + 0.25,
    "mask": lambda x: x * (x > 0),
    "clamp": lambda x: x.clamp(-0.5, 1.5),
    "ceiling": lambda x: torch.minimum(x, torch.tensor(2.0, dtype=x.dtype)),
    "tanh": torch.tanh,
    "with itself": lambda x: x + x.abs(),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(sorted(PIECES)), min_size=1, max_size=4))
def test_whatever_is_composed_is_what_its_values_say(names):
    def step(x):
        for name in names:
            x = PIECES[name](x)
        return x

    x = torch.linspace(-9, 9, 4001, dtype=torch.float64)[None]
    with torch.no_grad():
        tape = record_module(Of(step), x)
        nodes = read(tape).nodes
    # Every node's kind says what its values are, of all that it is given.
    for node in nodes:
        (number,) = node.inputs
        a, out = tape.values[number], tape.values[node.output]
        if isinstance(node, Rectifier):
            said = node.factor * a.clamp(0, node.top)
            torch.testing.assert_close(out, said, rtol=1e-12, atol=1e-12)
        elif isinstance(node, Constant):
            low, high = (
                node.step.call(torch.zeros_like(a))[0],
                node.step.call(torch.ones_like(a))[0],
            )
            torch.testing.assert_close(out, low + (high - low) * a, rtol=1e-12, atol=1e-12)
        else:
            assert type(node) is Activation
        (again,) = node.step.call(a)
        assert torch.equal(again, out)
    # And no ReLU goes unseen: what is one on all of its input is a Rectifier.
    last = nodes[-1]
    (number,) = last.inputs
    a, out = tape.values[number], tape.values[last.output]
    wide = a.min() < -1 and a.max() > 1 and len(a.unique()) > 1000
    if wide and torch.equal(out, a.clamp(min=0)):
        assert isinstance(last, Rectifier)
