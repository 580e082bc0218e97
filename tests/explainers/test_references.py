"""Every method against its slow twin, on small networks of random weights."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from tests.reference.explainers import REFERENCES
from xai_core.explainers import METHODS, explain
from xai_core.models.classifier import Classifier


def small_classifier(seed, pooled=False):
    """conv relu pool conv relu flatten fc relu fc on 8 x 6 pixels, biases of both signs.

    ``pooled`` puts an average over all places and one linear layer at the end.
    """
    generator = torch.Generator().manual_seed(seed)
    end = {"flatten": nn.Flatten(), "fc1": nn.Linear(60, 7), "relu3": nn.ReLU()}
    end["fc2"] = nn.Linear(7, 3)
    if pooled:
        end = {"average": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "fc": nn.Linear(5, 3)}
    net = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 4, 3, padding=1),
            relu1=nn.ReLU(),
            pool=nn.MaxPool2d(2),
            conv2=nn.Conv2d(4, 5, 3, padding=1),
            relu2=nn.ReLU(),
            **end,
        )
    ).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.normal_(0, 0.4, generator=generator)
    x = torch.randn((2, 3, 8, 6), generator=generator, dtype=torch.float64)
    return Classifier(net, ["a", "b", "c"], (8, 6)), x


def test_every_method_has_a_twin():
    assert set(REFERENCES) == set(METHODS)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("method", METHODS)
def test_equals_its_twin(method, seed):
    clf, x = small_classifier(seed, pooled=method == "cam")
    twin, settings = REFERENCES[method]
    targets = [2, 0]
    found = explain(clf, x, targets, method, **settings).numpy()
    expected = np.stack(
        [
            twin(clf.module, image.numpy(), y, **settings)
            for image, y in zip(x, targets, strict=True)
        ]
    )
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


VARIANTS = [
    ("lrp_epsilon", {"epsilon": 0.25, "epsilon_units": "mean"}),
    ("lrp_epsilon", {"epsilon": 0.25, "epsilon_units": "mean", "bias": False}),
    ("lrp_epsilon", {"bias": False}),
    ("smoothgrad", {"samples": 4, "sigma": 0.3, "seed": 4, "sigma_units": "std"}),
    ("smoothgrad", {"samples": 4, "sigma": 0.3, "seed": 4, "sigma_units": "input"}),
    ("gradcam", {"relu": False}),
    (
        "expected_gradients",
        {"samples": 15, "seed": 3, "baselines": "blurred_and_original"},
    ),
    *((f"lrp_alpha{n}_beta{n - 1}", {"first": "zb"}) for n in (1, 2, 9)),
    ("lrp_alpha_beta", {"alpha": 3.0, "beta": 2.0, "bias": True, "first": "zb"}),
]


@pytest.mark.parametrize(("method", "settings"), VARIANTS)
def test_other_settings_equal_the_twin_too(method, settings):
    clf, x = small_classifier(2)
    twin, _ = REFERENCES[method]
    found = explain(clf, x, [1, 0], method, **settings).numpy()
    expected = np.stack(
        [twin(clf.module, image.numpy(), y, **settings) for image, y in zip(x, (1, 0), strict=True)]
    )
    assert expected.min() < 0
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


def test_the_gradient_is_the_central_difference():
    """Exact up to rounding: the network is linear between the two points, no ReLU flips."""
    clf, x = small_classifier(0)
    found = explain(clf, x[:1], 1, "saliency")[0]
    step = 1e-6
    for place in ((0, 0, 0), (1, 3, 2), (2, 7, 5)):
        moved = x[:1].repeat(2, 1, 1, 1)
        moved[0][place] += step
        moved[1][place] -= step
        up, down = clf.logits(moved)[:, 1]
        assert found[place].item() == pytest.approx(((up - down) / (2 * step)).item(), abs=1e-8)
