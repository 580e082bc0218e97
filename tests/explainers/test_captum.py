"""Agreement with Captum where Captum is right, and the cases in which it is not.

What it gives for gradients, Grad-CAM, DeepLIFT and DeepSHAP is stored: see test_oracles.
"""

import numpy as np
import pytest
import torch
from captum import attr
from skimage.color import rgb2gray
from skimage.filters import sobel
from torch import nn

from tests.networks import Net
from tests.reference import nets
from xai_core.explainers import explain
from xai_core.models.classifier import Classifier

X = nets.oracle("x")
TARGETS = torch.tensor([2, 4])
NETS = pytest.mark.parametrize("name", nets.NAMES)
# Captum warns that it hooks ReLUs; that is no concern of ours.
HOOKS = pytest.mark.filterwarnings("ignore:Setting backward hooks", "ignore:Setting forward, back")


def pair(name):
    """Our classifier and a network of its own for Captum, which hooks what it is given."""
    return nets.classifier(name), nets.load(name)


def close(ours, theirs, rtol=1e-12):
    assert (ours - theirs).abs().max() <= rtol * theirs.abs().max()


@NETS
@pytest.mark.parametrize("steps", [1, 20])
def test_integrated_gradients_up_to_captums_float32_weights(name, steps):
    clf, net = pair(name)
    baseline = nets.oracle("baseline")
    theirs = attr.IntegratedGradients(net).attribute(
        X, baseline.expand_as(X), TARGETS, n_steps=steps, method="gausslegendre"
    )
    ours = explain(clf, X, TARGETS, "integrated_gradients", steps=steps, baseline=baseline)
    close(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("method", ["smoothgrad", "smoothgrad_sq", "vargrad"])
@pytest.mark.parametrize("base", ["saliency", "integrated_gradients"])
@NETS
def test_noise_tunnels_around_the_same_copies(name, base, method, monkeypatch):
    clf, net = pair(name)
    x, target = X[:1], 3
    generator = torch.Generator().manual_seed(5)
    draws = [torch.randn(x.shape[1:], generator=generator, dtype=torch.float64) for _ in range(6)]
    # Captum draws from the global state; it is given our noise.
    monkeypatch.setattr(torch, "normal", lambda mean, deviation: deviation * torch.stack(draws))
    baseline = nets.oracle("baseline")
    if base == "saliency":
        inner, theirs, ours = attr.Saliency(net), {"abs": False}, {}
    else:
        inner, ours = attr.IntegratedGradients(net), {"steps": 5, "baseline": baseline}
        theirs = {"baselines": baseline, "n_steps": 5, "method": "gausslegendre"}
    expected = attr.NoiseTunnel(inner).attribute(
        x, nt_type=method, nt_samples=6, stdevs=0.3, target=target, **theirs
    )
    found = explain(
        clf, x, target, method, base=base, samples=6, sigma=0.3, sigma_units="input", seed=5, **ours
    )
    # float32: the noise's deviation in Captum, 0.3 (1 + 4e-8), flips no ReLU here, and the
    # weights of its quadrature. Its variance loses digits by cancellation.
    close(found, expected, rtol=1e-5 if base == "integrated_gradients" else 1e-7)


@NETS
def test_expected_gradients_from_the_same_draws(name, monkeypatch):
    clf, net = pair(name)
    baselines = torch.cat([X.flip(2), X.flip(3), nets.oracle("baseline")])
    generator = torch.Generator().manual_seed(5)
    draws = torch.rand((30, 2), generator=generator, dtype=torch.float64).numpy()
    monkeypatch.setattr(np.random, "choice", lambda count, size: (draws[:, 0] * count).astype(int))
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: draws[:, 1])
    theirs = attr.GradientShap(net).attribute(X[:1], baselines, n_samples=30, target=2)
    ours = explain(clf, X[:1], 2, "expected_gradients", baselines=baselines, samples=30, seed=5)
    close(ours, theirs.detach())


@HOOKS
def test_captum_leaves_relu6_to_the_plain_gradient_and_we_do_not():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU6(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 2)
    ).double()
    clf = Classifier(net, ["a", "b"], (8, 8))
    x = X[:, :, :8, :8].clone().requires_grad_()
    theirs = attr.GuidedBackprop(net).attribute(x, 1)
    close(explain(clf, x, 1, "saliency"), theirs)
    assert (explain(clf, x, 1, "guided_backprop") - theirs).abs().max() > 0.1 * theirs.abs().max()


def test_gradcam_survives_an_addition_in_place_behind_its_layer():
    def residual(net, x):
        out = net.conv(x)
        out += x
        return out.mean((2, 3))

    torch.manual_seed(0)
    net = Net(residual, conv=nn.Conv2d(3, 3, 3, padding=1)).double()
    clf = Classifier(net, ["a", "b", "c"], (32, 32))
    # The gradient of a mean over 32 x 32 places is 1/1024 everywhere, for the class's channel.
    close(
        explain(clf, X, [0, 2], "gradcam", relu=False)[:, 0],
        torch.stack([net.conv(X)[0, 0], net.conv(X)[1, 2]]).detach() / 1024,
    )


def test_edges_equal_scikit_image():
    clf = nets.classifier("VGGSmall")
    pixels = X.sigmoid()
    expected = torch.stack(
        [torch.from_numpy(sobel(rgb2gray(p.permute(1, 2, 0).numpy())))[None] for p in pixels]
    )
    close(explain(clf, pixels, 0, "edges"), expected)
