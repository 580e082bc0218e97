"""Noise around any method: which copies are explained, and how."""

import pytest
import torch
from torch import nn

from tests.networks import Net, Of
from tests.reference import nets
from xai_core.errors import MethodError
from xai_core.explainers import METHODS, Panel, explain
from xai_core.explainers.baselines import blurred
from xai_core.explainers.registry import BASES
from xai_core.models.classifier import Classifier
from xai_core.progress import listening

X = nets.oracle("x")
TARGETS = [3, 1]
BASELINE = nets.oracle("baseline")
PICTURES = X.flip(3)
TUNNELS = pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad_sq", "vargrad"])
SAMPLES, SIGMA, SEED = 4, 0.3, 7
NOISE = {"samples": SAMPLES, "sigma": SIGMA, "seed": SEED}


@pytest.fixture
def clf():
    return nets.classifier("VGGSmallBN")


def noise():
    """The noise of each copy, [samples, 1, 3, H, W]."""
    generator = torch.Generator().manual_seed(SEED)
    draws = [
        torch.randn(X.shape[1:], generator=generator, dtype=torch.float64) for _ in range(SAMPLES)
    ]
    return torch.stack(draws)[:, None]


def copies():
    """[samples, N, 3, H, W]; sigma in units of each picture's range."""
    reach = (X.flatten(1).max(1).values - X.flatten(1).min(1).values).view(-1, 1, 1, 1)
    return X + SIGMA * reach * noise()


# Methods that give one channel, that have per-picture baselines, that draw, that batch.
CASES = [
    ("saliency", {}),
    ("gradcam", {"relu": False}),
    ("guided_backprop", {}),
    ("deeplift", {"baseline": "blurred"}),
    ("deeplift", {"baseline": X.flip(3)}),
    ("integrated_gradients", {"steps": 3, "baseline": BASELINE}),
    ("integrated_gradients", {"steps": 3, "baseline": ["blurred", X.flip(2)]}),
    ("expected_gradients", {"baselines": PICTURES, "chunk": 64}),
]


@pytest.mark.parametrize(
    ("method", "base", "settings"),
    [
        *(("smoothgrad", *case) for case in CASES),
        *((method, *case) for method in ("smoothgrad_sq", "vargrad") for case in CASES[:4]),
    ],
)
def test_equals_the_base_method_called_on_every_copy(method, base, settings, clf):
    found = explain(clf, X, TARGETS, method, base=base, **{"chunk": 3, **NOISE, **settings})
    draws = base == "expected_gradients"
    each = torch.stack(
        [
            explain(clf, some, TARGETS, base, **settings, **({"seed": SEED} if draws else {}))
            for some in copies()
        ]
    )
    expected = {
        "smoothgrad": each.mean(0),
        "smoothgrad_sq": (each**2).mean(0),
        "vargrad": each.var(0, correction=0),
    }[method]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("base", BASES)
def test_every_method_can_be_a_base(base):
    # A network for which all are defined: CAM wants an end in average pooling.
    clf = nets.classifier("ResSmall")
    quick = {name: v for name, v in METHODS[base].quick.items() if name != "samples"}
    found = explain(clf, X[:1], 3, "smoothgrad_sq", base=base, samples=2, **quick)
    assert found.shape[:2] == (1, METHODS[base].channels)
    assert found.min() >= 0
    assert found.max() > 0


@TUNNELS
def test_a_linear_network_is_the_same_everywhere(method):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16, 2)).double()
    clf = Classifier(net, ["a", "b"], (4, 4))
    weights = net[1].weight[1].detach().view(1, 3, 4, 4)
    expected = {"smoothgrad": weights, "smoothgrad_sq": weights**2, "vargrad": 0 * weights}[method]
    found = explain(clf, X[:1, :, :4, :4], 1, method, samples=9, sigma=2.0)
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-30)


def test_the_variance_keeps_its_digits_in_float32():
    # The mean of the squares, 1e6, has a spacing of 1/16 in float32: as large as the variance.
    # f = the sum of 1000 x + sin x: a gradient of 1000 + cos x, large and nearly constant.
    score = Of(lambda x: (1000 * x + x.sin()).sum((1, 2, 3)))
    net = Net(lambda net, x: torch.stack([net.score(x), -net.score(x)], 1), score=score)
    clf = Classifier(net, ["up", "down"], (8, 8))
    x = X[:1, :, :8, :8].float()
    found = explain(clf, x, 0, "vargrad", samples=60, sigma=0.5, sigma_units="input", seed=SEED)
    generator = torch.Generator().manual_seed(SEED)
    draws = [torch.randn(3, 8, 8, generator=generator, dtype=torch.float64) for _ in range(60)]
    expected = (x + 0.5 * torch.stack(draws)).cos().var(0, correction=0)
    # Gradients of 1000 are rounded to 3e-5, of deviations from the mean of about 0.3.
    torch.testing.assert_close(found[0].double(), expected, rtol=1e-3, atol=1e-5)


def test_a_baseline_by_name_is_made_of_the_noisy_copy_and_a_tensor_is_the_pictures(clf):
    by_name = explain(clf, X, TARGETS, "smoothgrad", base="deeplift", baseline="blurred", **NOISE)
    tensor = explain(clf, X, TARGETS, "smoothgrad", base="deeplift", baseline=blurred(X), **NOISE)
    of_the_copy = [explain(clf, c, TARGETS, "deeplift", baseline=blurred(c)) for c in copies()]
    of_the_picture = [explain(clf, c, TARGETS, "deeplift", baseline=blurred(X)) for c in copies()]
    torch.testing.assert_close(by_name, torch.stack(of_the_copy).mean(0))
    torch.testing.assert_close(tensor, torch.stack(of_the_picture).mean(0))
    assert (by_name - tensor).abs().max() > 1e-3 * by_name.abs().max()


def test_images_of_a_batch_keep_their_own_baselines(clf):
    given = {"base": "integrated_gradients", "steps": 3, **NOISE}
    together = explain(clf, X, TARGETS, "smoothgrad", baseline=X.flip(3), **given)
    alone = [
        explain(clf, X[i : i + 1], TARGETS[i], "smoothgrad", baseline=X[i : i + 1].flip(3), **given)
        for i in range(2)
    ]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-11, atol=1e-14)


def test_settings_of_the_base_method_are_settings_too():
    row = METHODS["smoothgrad"]
    found = row.settings({"base": "integrated_gradients", "baseline": "blurred"})
    assert found["steps"] == 200
    assert found["baseline"] == "blurred"
    assert found["samples"] == 100
    assert row.settings(found) == found
    assert "steps" not in row.settings({})
    # samples are the noise's: the base method makes its own default of 200 draws.
    settings = row.settings({"base": "expected_gradients", "samples": 10})
    assert row.cost(settings) == 10 * 200


@TUNNELS
@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"steps": 5}, "no setting 'steps'; it has: base, samples, sigma"),
        ({"base": "integrated_gradients", "layer": "conv1"}, "no setting 'layer'; .*steps"),
        ({"base": "integrated_gradients", "steps": 0}, "'steps' must lie from 1"),
        ({"base": "gradcam", "relu": 1}, "'relu' must be true or false"),
        ({"base": "vargrad"}, "'base' must be one of saliency, "),
        ({"base": "edges"}, "'base' must be one of saliency, "),
        ({"base": "gradient"}, "'base' must be one of saliency, "),
    ],
)
def test_settings_that_the_base_method_does_not_have(method, given, message, clf):
    with pytest.raises(MethodError, match=message):
        explain(clf, X, 0, method, **given)


def test_a_baseline_of_another_shape_is_told_of_the_pictures_not_of_the_copies(clf):
    with pytest.raises(MethodError, match=r"shape \[1, 3, 8, 8\].* \[2, 3, 32, 32\]"):
        explain(clf, X, 0, "smoothgrad", base="deeplift", baseline=X[:1, :, :8, :8])


def test_copies_are_not_taken_for_the_pictures_themselves(clf):
    requests = {
        "gradcam": {},
        "smoothgrad": {"base": "gradcam", "samples": 2},
        "vargrad": {"samples": 2},
        "saliency": {},
    }
    panel = Panel(clf, X, TARGETS, requests)
    for name, settings in requests.items():
        assert torch.equal(panel.explain(name), explain(clf, X, TARGETS, name, **settings))


def test_the_progress_is_that_of_all_copies(clf):
    shares = []
    with listening(shares.append):
        explain(clf, X, 0, "smoothgrad", base="integrated_gradients", steps=3, samples=3, chunk=2)
    assert shares == [1 / 3, 2 / 3, 1.0]
