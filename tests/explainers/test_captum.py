"""Agreement with Captum where Captum is right, and the cases in which it is not."""

import pytest
import torch
from captum import attr
from skimage.color import rgb2gray
from skimage.filters import sobel
from torch import nn

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
    return Classifier(nets.load(name), nets.CLASSES, nets.SIZE), nets.load(name)


def close(ours, theirs, rtol=1e-12):
    assert (ours - theirs).abs().max() <= rtol * theirs.abs().max()


@NETS
def test_gradients(name):
    clf, net = pair(name)
    x = X.clone().requires_grad_()
    close(explain(clf, X, TARGETS), attr.Saliency(net).attribute(x, TARGETS, abs=False))
    theirs = attr.InputXGradient(net).attribute(x, TARGETS)
    close(explain(clf, X, TARGETS, "input_x_gradient"), theirs.detach())


@HOOKS
@NETS
def test_guided_backprop_and_deconvnet(name):
    clf, net = pair(name)
    x = X.clone().requires_grad_()
    theirs = attr.GuidedBackprop(net).attribute(x, TARGETS)
    close(explain(clf, X, TARGETS, "guided_backprop"), theirs)
    close(explain(clf, X, TARGETS, "deconvnet"), attr.Deconvolution(net).attribute(x, TARGETS))


@HOOKS
@NETS
def test_gradcam_and_guided_gradcam(name):
    clf, net = pair(name)
    layer = nets.LAST_CONV[name]
    x = X.clone().requires_grad_()
    module = net.get_submodule(layer)
    theirs = attr.LayerGradCam(net, module).attribute(x, TARGETS, relu_attributions=True)
    close(explain(clf, X, TARGETS, "gradcam", layer=layer), theirs.detach())
    ours = explain(clf, X, TARGETS, "guided_gradcam", layer=layer, upsample="nearest")
    close(ours, attr.GuidedGradCam(net, module).attribute(x, TARGETS).detach())


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


@HOOKS
def test_deeplift_where_no_relu_feeds_a_max_pool():
    clf, net = pair("ResSmall")
    baseline = nets.oracle("baseline")
    x = X.clone().requires_grad_()
    theirs = attr.DeepLift(net).attribute(x, baseline.expand_as(X), TARGETS)
    close(explain(clf, X, TARGETS, "deeplift", baseline=baseline), theirs.detach())


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
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            out = self.conv(x)
            out += x
            return out.mean((2, 3))

    torch.manual_seed(0)
    net = Residual().double()
    clf = Classifier(net, ["a", "b", "c"], (32, 32))
    # The gradient of a mean over 32 x 32 places is 1/1024 everywhere, for the class's channel.
    close(
        explain(clf, X, [0, 2], "gradcam", relu=False)[:, 0],
        torch.stack([net.conv(X)[0, 0], net.conv(X)[1, 2]]).detach() / 1024,
    )


def test_edges_equal_scikit_image():
    clf, _ = pair("VGGSmall")
    pixels = X.sigmoid()
    expected = torch.stack(
        [torch.from_numpy(sobel(rgb2gray(p.permute(1, 2, 0).numpy())))[None] for p in pixels]
    )
    close(explain(clf, pixels, 0, "edges"), expected)
