"""The loop that a user writes over Captum and Zennit: method by method, all pictures at once.

Settings are those of the presets. RAP is left out: neither library has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from captum import attr
from torch import Tensor, nn
from zennit.attribution import Gradient
from zennit.composites import LayerMapComposite
from zennit.rules import AlphaBeta, Pass
from zennit.types import Activation, BatchNorm, Convolution

from benchmarks.peers import captum
from benchmarks.peers.zennit import NO_BIAS, PRESETS, canonizers, exact_merge, one_hot
from benchmarks.subject import Pictures
from xai_core.explainers.baselines import blurred, reference_pictures
from xai_core.explainers.presets import NOISE
from xai_core.models import Classifier

# Points of a path at once: quicker in Captum than all 1000 of five pictures.
AT_ONCE = 100
NOISY = "not compared: Captum draws other noise, and its baseline is that of the picture"
SAMPLED = "not compared: random samples"
SEPARATED = f"{captum.POOLS.partition(' Where')[0]} On the first picture."


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


def called(make: captum.Make) -> Method:
    """A method of Captum, which is set up anew for every network."""
    return lambda network, on: make(on, network)()


def noisy(kind: type[Any], network: nn.Module, on: Pictures, **options: Any) -> Tensor:
    return attr.NoiseTunnel(kind(network)).attribute(
        on.x,
        nt_type="smoothgrad",
        nt_samples=NOISE["samples"],
        stdevs=NOISE["sigma"],
        baselines=on.baseline,
        target=on.target,
        **options,
    )


def alpha_beta(alpha: float, beta: float, network: nn.Module, on: Pictures) -> Tensor:
    rule = AlphaBeta(alpha=alpha, beta=beta, **NO_BIAS)
    kinds = [(Activation, Pass()), (BatchNorm, Pass()), (Convolution, rule), (nn.Linear, rule)]
    composite = LayerMapComposite(kinds, canonizers=canonizers(network))

    with Gradient(network, composite) as attributor, exact_merge(network):
        return attributor(on.x, lambda output: output.detach() * one_hot(output, on.target))[1]


COLUMNS = {
    "saliency": Column(called(captum.plain(attr.Saliency, abs=False))),
    "input_x_gradient": Column(called(captum.plain(attr.InputXGradient))),
    "deconvnet": Column(called(captum.plain(attr.Deconvolution))),
    "guided_backprop": Column(called(captum.plain(attr.GuidedBackprop))),
    "gradcam": Column(called(captum.gradcam)),
    "guided_gradcam": Column(called(captum.guided_gradcam)),
    **{
        name: Column(called(make), called(captum.separated(make)), note=SEPARATED)
        for name, make in (("deeplift", captum.deeplift), ("deepshap", captum.deepshap))
    },
    "smoothgrad-deeplift": Column(partial(noisy, attr.DeepLift), equal=False, note=NOISY),
    "integrated_gradients": Column(called(partial(captum.integrated_gradients, batch=AT_ONCE))),
    "smoothgrad-integrated_gradients": Column(
        partial(noisy, attr.IntegratedGradients, n_steps=captum.STEPS, internal_batch_size=AT_ONCE),
        equal=False,
        note=NOISY,
    ),
    "expected_gradients": Column(
        called(partial(captum.expected_gradients, samples=captum.STEPS)), equal=False, note=SAMPLED
    ),
    **{name: Column(partial(alpha_beta, *values)) for name, values in PRESETS.items()},
}
