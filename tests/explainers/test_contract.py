"""What every method of the table promises, whatever it computes."""

import copy
import functools
import threading
from collections import OrderedDict

import pytest
import torch
from torch import nn

from tests.reference import nets
from xai_core.errors import MethodError, ModelError
from xai_core.explainers import FAMILIES, METHODS, explain
from xai_core.models.classifier import Classifier
from xai_core.params import (
    BaselineParam,
    BaselinesParam,
    BoolParam,
    ChoiceParam,
    FloatParam,
    IntParam,
    LayerParam,
    MethodParam,
    NumberParam,
)
from xai_core.progress import listening

METHOD = pytest.mark.parametrize("method", METHODS)
READS_MODEL = pytest.mark.parametrize(
    "method", [name for name, row in METHODS.items() if row.family != "control"]
)
# Those that explain at a layer with maps, which a network without convolutions does not have.
AT_A_LAYER = ["cam"] + [
    name for name, row in METHODS.items() if any(p.name == "layer" for p in row.params)
]
X = nets.oracle("x")
TARGETS = [3, 1]


class Fuse(nn.Module):
    """Passes its input on, until it is blown."""

    blown = False

    def forward(self, x):
        if self.blown:
            raise ZeroDivisionError("blown")
        return x


def classifier(method, *facts, dtype=torch.float64):
    """A classifier that the method is defined for, and that the caller may change."""
    return copy.deepcopy(_loaded(method == "cam", dtype, *facts))


@functools.cache
def _loaded(pooled, dtype, *facts):
    """A BatchNorm network with dropout, so that training mode would be noticed."""
    layers = OrderedDict(nets.load("VGGSmallBN").named_children())
    if pooled:  # CAM is defined for this end only
        for name in ("flatten", "fc1", "relu5"):
            del layers[name]
        weight = layers.pop("fc2").weight[:, :16]
        layers |= {"average": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
        layers["fc2"] = nn.Linear(16, 5)
        layers["fc2"].weight = nn.Parameter(weight.detach())
    layers["fuse"] = Fuse()
    layers["dropout"] = nn.Dropout(0.5)
    net = nn.Sequential(layers).to(dtype)
    return Classifier(net, nets.CLASSES, nets.SIZE, *facts)


@pytest.fixture
def clf(request):
    return classifier(request.node.callspec.params["method"], (0.5, 0.4, 0.3), (0.2, 0.3, 0.25))


# Compared to fewer pictures than usual, which what is promised does not depend on either.
FEW = {"baselines": nets.oracle("baselines8")[:4]}


def run(clf, method, x=X, targets=TARGETS, **params):
    """With the quick settings: what is promised does not depend on them."""
    quick = dict(METHODS[method].quick)
    quick |= {p.name: FEW[p.name].to(x.dtype) for p in METHODS[method].params if p.name in FEW}
    return explain(clf, x, targets, method, **{**quick, **params})


def close(found, expected):
    """Up to rounding, in proportion to the largest value: LRP α9β8 reaches thousands."""
    size = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14 * size)


def hooks(module):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return [len(getattr(child, kind)) for child in module.modules() for kind in kinds]


def state(clf):
    """All of a classifier that a method could leave changed."""
    return {
        "classes": [type(child) for child in clf.module.modules()],
        "modes": [child.training for child in clf.module.modules()],
        "hooks": hooks(clf.module),
        "grads": [p.grad for p in clf.module.parameters()],
        "requires_grad": [p.requires_grad for p in clf.module.parameters()],
        "identity": [id(t) for t in clf.module.state_dict(keep_vars=True).values()],
        "values": [t.sum().item() for t in clf.module.state_dict().values()],
        "random": torch.random.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
        "grad_mode": torch.is_grad_enabled(),
    }


@METHOD
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_type_and_detachment(method, dtype):
    found = run(classifier(method, dtype=dtype), method, X.to(dtype))
    assert found.shape[:2] == (2, METHODS[method].channels)
    if method not in AT_A_LAYER or METHODS[method].channels == 3:
        assert found.shape[2:] == X.shape[2:]
    assert found.dtype == dtype
    assert not found.requires_grad
    assert torch.isfinite(found).all()
    assert found.abs().max() > 0


@METHOD
def test_unsigned_methods_have_no_negative_relevance(method, clf):
    assert METHODS[method].signed == bool((run(clf, method) < 0).any())


@METHOD
def test_a_batch_gives_what_its_images_give_alone(method, clf):
    together = run(clf, method)
    alone = [run(clf, method, X[i : i + 1], TARGETS[i : i + 1]) for i in range(2)]
    close(together, torch.cat(alone))


@METHOD
def test_the_order_of_the_images_does_not_matter(method, clf):
    forwards = run(clf, method)
    backwards = run(clf, method, X.flip(0), TARGETS[::-1])
    close(backwards.flip(0), forwards)


@METHOD
def test_calls_repeat_whatever_the_global_seed(method, clf):
    torch.manual_seed(1)
    first = run(clf, method)
    torch.manual_seed(2)
    assert torch.equal(first, run(clf, method))


@pytest.mark.parametrize(
    "method", [n for n, row in METHODS.items() if any(p.name == "seed" for p in row.params)]
)
def test_seeds_decide(method, clf):
    assert torch.equal(run(clf, method, seed=5), run(clf, method, seed=5))
    assert not torch.equal(run(clf, method, seed=5), run(clf, method, seed=6))


@pytest.mark.parametrize(
    "method", [n for n, row in METHODS.items() if any(p.name == "chunk" for p in row.params)]
)
def test_the_chunk_does_not_change_the_result(method, clf):
    torch.testing.assert_close(
        run(clf, method, chunk=1), run(clf, method, chunk=64), rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize("method", ["smoothgrad", "integrated_gradients"])
def test_long_methods_tell_how_far_they_are(method, clf):
    shares = []
    with listening(shares.append):
        run(clf, method, chunk=1)
    assert shares == sorted(shares)
    assert len(shares) >= 4
    assert shares[-1] == 1.0


@METHOD
def test_nothing_is_left_behind(method, clf):
    x = X.clone().requires_grad_()
    before = state(clf)
    run(clf, method, x)
    assert state(clf) == before
    assert x.grad is None
    assert x.requires_grad
    assert torch.equal(x, X)


@READS_MODEL
def test_nothing_is_left_behind_when_the_model_raises(method, clf):
    clf.module.fuse.blown = True
    before = state(clf)
    with pytest.raises(ZeroDivisionError):
        run(clf, method)
    assert state(clf) == before


@METHOD
def test_training_mode_does_not_leak_in_or_out(method, clf):
    expected = run(clf, method)
    clf.module.train()
    before = state(clf)
    assert torch.equal(run(clf, method), expected)
    assert state(clf) == before


@METHOD
def test_works_without_gradients_switched_on(method, clf):
    expected = run(clf, method)
    with torch.no_grad():
        assert torch.equal(run(clf, method), expected)
    with torch.inference_mode():
        assert torch.equal(run(clf, method, X + 0), expected)


@METHOD
def test_two_threads_get_what_each_gets_alone(method, clf):
    wanted = [[run(clf, method, targets=y)] * 4 for y in (0, 4)]
    found = [[], []]

    def work(index, y):
        found[index] = [run(clf, method, targets=y) for _ in range(4)]

    threads = [threading.Thread(target=work, args=pair) for pair in ((0, 0), (1, 4))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for some, others in zip(wanted, found, strict=True):
        assert [torch.equal(a, b) for a, b in zip(some, others, strict=True)] == [True] * 4


@READS_MODEL
def test_a_model_that_gives_nan_is_an_error_that_names_the_method(method, clf):
    with torch.no_grad():
        clf.module.conv3.weight.fill_(float("nan"))
    with pytest.raises(MethodError, match=METHODS[method].title):
        run(clf, method)


@READS_MODEL
def test_a_class_that_depends_on_nothing_gives_an_empty_map(method, clf):
    with torch.no_grad():
        clf.module.fc2.weight[TARGETS] = 0
    found = run(clf, method)
    assert found.shape[0] == 2
    assert not found.any()


@METHOD
def test_a_network_without_convolutions_is_explained_or_refused(method):
    torch.manual_seed(0)  # noise flips a ReLU of it, so that VarGrad has something to show
    layers = [nn.Flatten(), nn.Linear(3 * 32 * 32, 8), nn.ReLU(), nn.Linear(8, 5)]
    clf = Classifier(nn.Sequential(*layers).double(), nets.CLASSES, nets.SIZE)
    if method in AT_A_LAYER:
        with pytest.raises((MethodError, ModelError), match=r"\.$"):
            run(clf, method)
    else:
        assert run(clf, method).abs().max() > 0


@METHOD
@pytest.mark.parametrize("targets", [5, -1, [0, 7], torch.tensor([-2, 0])])
def test_classes_that_do_not_exist(method, targets, clf):
    with pytest.raises(ModelError, match="5 classes, numbered 0 to 4"):
        run(clf, method, targets=targets)


@METHOD
def test_an_unknown_setting_is_an_error_that_lists_the_known(method, clf):
    with pytest.raises(MethodError, match="no setting 'colour'"):
        run(clf, method, colour="red")


PARAMS = [
    pytest.param(name, p, id=f"{name}-{p.name}")
    for name, row in METHODS.items()
    for p in row.params
]


@pytest.mark.parametrize(("method", "param"), PARAMS)
def test_settings_out_of_range_are_errors(method, param, clf):
    wrong = {
        IntParam: [1.5, "3", True, float("nan")],
        FloatParam: ["3", True, float("nan")],
        ChoiceParam: ["no such choice", 3],
        BaselineParam: ["no such baseline", 3, [], ["black", "no such baseline"], [["black"]]],
        MethodParam: ["no such method", "random", "smoothgrad", 3],
        BaselinesParam: ["no such baselines", 3],
        BoolParam: ["yes", 1],
        LayerParam: [3, "no such layer", ""],
    }[type(param)]
    if isinstance(param, NumberParam):
        wrong += [param.low - 1, param.high + 1]
    for value in wrong:
        with pytest.raises((MethodError, ModelError), match=r"\.$"):
            run(clf, method, **{param.name: value})


# How many pictures go through at once must not show: test_the_chunk_does_not_change_the_result.
# Alpha and beta only change together: test_lrp.
@pytest.mark.parametrize(
    ("method", "param"),
    [case for case in PARAMS if case.values[1].name not in ("chunk", "alpha", "beta")],
)
def test_every_setting_does_something(method, param, clf):
    other = {
        "layer": "conv2",
        "relu": False,
        "upsample": "nearest",
        "steps": 4,
        "samples": 2,
        "sigma": 0.9,
        "sigma_units": "input",
        "seed": 8,
        "baseline": "blurred",
        "baselines": X.flip(3),
        "base": "deconvnet",
        "epsilon": 0.5,
        "epsilon_units": "mean",
        "bias": not param.default,
        "batchnorm": "identity",
        "first": "zb",
        "q": 50.0,
    }
    # No BatchNorm lies behind the layer that is chosen by default, and nothing of Grad-CAM++ is
    # below zero there.
    wanted = param.name == "batchnorm" or (method, param.name) == ("gradcam_pp", "relu")
    deep = wanted and any(p.name == "layer" for p in METHODS[method].params)
    fixed = {"layer": "conv1"} if deep else {}
    changed = run(clf, method, **fixed, **{param.name: other[param.name]})
    usual = run(clf, method, **fixed)
    assert changed.shape != usual.shape or not torch.allclose(changed, usual)


@METHOD
def test_facts_are_complete(method):
    row = METHODS[method]
    assert row.id == method
    assert row.family in FAMILIES
    assert row.channels in (1, 3)
    assert row.citation
    assert row.formula
    assert row.shows.endswith(".")
    assert row.function.__doc__
    assert row.cost(row.settings({})) >= 0
    for param in row.params:
        assert param.help.endswith(".")
        assert param.checked(row.title, param.default) == param.default
