"""The loop that a user writes over Captum and Zennit: method by method, all pictures at once.

Settings are those of the presets. RAP is left out: neither library has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from captum import attr
from torch import Tensor, nn
from zennit.attribution import Gradient
from zennit.composites import LayerMapComposite
from zennit.rules import AlphaBeta, Pass
from zennit.types import Activation, BatchNorm, Convolution

from benchmarks.peers.captum import POOLS, separate
from benchmarks.peers.zennit import NO_BIAS, canonizers, exact_merge
from xai_core.explainers import METHODS
from xai_core.explainers.baselines import blurred, reference_pictures
from xai_core.explainers.presets import NOISE
from xai_core.models import Classifier

STEPS = 200
# Points of a path at once: quicker in Captum than all 1000 of five pictures.
AT_ONCE = 100
NOISY = "not compared: Captum draws other noise, and its baseline is that of the picture"
SAMPLED = "not compared: random samples"
SEPARATED = f"{POOLS.partition(' Where')[0]} On the first picture."


@dataclass(frozen=True)
class Pictures:
    """What is explained, and what it is compared with.

    Attributes:
        cam_layer: dotted name of the layer of class activation maps.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        blurred: the baseline of each picture, [N, 3, H, W].
        references: the baselines of all, [B, 3, H, W].
    """

    cam_layer: str
    x: Tensor
    targets: Tensor
    blurred: Tensor
    references: Tensor

    def first(self) -> Pictures:
        """The first of them alone."""
        return Pictures(
            self.cam_layer, self.x[:1], self.targets[:1], self.blurred[:1], self.references
        )


def pictures(clf: Classifier, x: Tensor, targets: Tensor) -> Pictures:
    """With the baselines that the presets take."""
    return Pictures(clf.cam_layer, x, targets, blurred(x), reference_pictures(clf, x, "samples"))


Method = Callable[[nn.Module, Pictures], Tensor]


@dataclass(frozen=True)
class Column:
    """A method of the loop.

    Attributes:
        method: its maps [N, C, h, w] by a network.
        compared: the same where other code is needed for a map that should equal ours; on the
            first picture alone, because it costs as much again.
        equal: whether the maps should equal ours.
        note: what differs.
    """

    method: Method
    compared: Method | None = None
    equal: bool = True
    note: str = ""


def plain(kind: type[Any], network: nn.Module, on: Pictures, **options: Any) -> Tensor:
    found: Tensor = kind(network).attribute(on.x, target=on.targets, **options)
    return found


def gradcam(network: nn.Module, on: Pictures) -> Tensor:
    method = attr.LayerGradCam(network, network.get_submodule(on.cam_layer))
    return method.attribute(on.x, target=on.targets, relu_attributions=True)


def guided_gradcam(network: nn.Module, on: Pictures) -> Tensor:
    method = attr.GuidedGradCam(network, network.get_submodule(on.cam_layer))
    return method.attribute(on.x, target=on.targets, interpolate_mode="bilinear")


def deeplift(network: nn.Module, on: Pictures) -> Tensor:
    return attr.DeepLift(network).attribute(on.x, on.blurred, target=on.targets)


def deepshap(network: nn.Module, on: Pictures) -> Tensor:
    return attr.DeepLiftShap(network).attribute(on.x, on.references, target=on.targets)


def separated(method: Method) -> Method:
    return lambda network, on: method(separate(network), on)


def noisy(kind: type[Any], network: nn.Module, on: Pictures, **options: Any) -> Tensor:
    return attr.NoiseTunnel(kind(network)).attribute(
        on.x,
        nt_type="smoothgrad",
        nt_samples=NOISE["samples"],
        stdevs=NOISE["sigma"],
        baselines=on.blurred,
        target=on.targets,
        **options,
    )


def integrated_gradients(network: nn.Module, on: Pictures) -> Tensor:
    return attr.IntegratedGradients(network).attribute(
        on.x, on.blurred, target=on.targets, n_steps=STEPS, internal_batch_size=AT_ONCE
    )


def expected_gradients(network: nn.Module, on: Pictures) -> Tensor:
    return attr.GradientShap(network).attribute(
        on.x, on.references, n_samples=STEPS, target=on.targets
    )


def alpha_beta(alpha: float, beta: float, network: nn.Module, on: Pictures) -> Tensor:
    rule = AlphaBeta(alpha=alpha, beta=beta, **NO_BIAS)
    kinds = [(Activation, Pass()), (BatchNorm, Pass()), (Convolution, rule), (nn.Linear, rule)]
    composite = LayerMapComposite(kinds, canonizers=canonizers(network))

    def start(output: Tensor) -> Tensor:
        hot = torch.zeros_like(output).scatter_(1, on.targets[:, None], 1.0)
        return output.detach() * hot

    with Gradient(network, composite) as attributor, exact_merge(network):
        return attributor(on.x, start)[1]


COLUMNS = {
    "saliency": Column(partial(plain, attr.Saliency, abs=False)),
    "input_x_gradient": Column(partial(plain, attr.InputXGradient)),
    "deconvnet": Column(partial(plain, attr.Deconvolution)),
    "guided_backprop": Column(partial(plain, attr.GuidedBackprop)),
    "gradcam": Column(gradcam),
    "guided_gradcam": Column(guided_gradcam),
    "deeplift": Column(deeplift, separated(deeplift), note=SEPARATED),
    "deepshap": Column(deepshap, separated(deepshap), note=SEPARATED),
    "smoothgrad-deeplift": Column(partial(noisy, attr.DeepLift), equal=False, note=NOISY),
    "integrated_gradients": Column(integrated_gradients),
    "smoothgrad-integrated_gradients": Column(
        partial(noisy, attr.IntegratedGradients, n_steps=STEPS, internal_batch_size=AT_ONCE),
        equal=False,
        note=NOISY,
    ),
    "expected_gradients": Column(expected_gradients, equal=False, note=SAMPLED),
    **{
        name: Column(partial(alpha_beta, float(found[1]), float(found[2])))
        for name in METHODS
        if (found := re.fullmatch(r"lrp_alpha(\d+)_beta(\d+)", name))
    },
}
