"""Zennit's methods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import ResNet
from zennit.attribution import Gradient, IntegratedGradients, SmoothGrad
from zennit.canonizers import SequentialMergeBatchNorm
from zennit.composites import (
    DeconvNet,
    ExcitationBackprop,
    GuidedBackprop,
    LayerMapComposite,
    SpecialFirstLayerMapComposite,
)
from zennit.layer import Sum
from zennit.rules import AlphaBeta, Epsilon, Norm, Pass, ZBox, ZPlus
from zennit.torchvision import ResNetCanonizer
from zennit.types import Activation, AvgPool, BatchNorm, Convolution

from benchmarks.peers import RELU6, Peer, Prepared
from benchmarks.separate import added_by
from benchmarks.subject import Subject
from xai_core.explainers import METHODS

NO_BIAS = {"zero_params": ["bias"]}
PRESETS = {
    name: (float(found[1]), float(found[2]))
    for name in METHODS
    if (found := re.fullmatch(r"lrp_alpha(\d+)_beta(\d+)", name))
}


def canonizers(network: nn.Module) -> list[Any]:
    return [ResNetCanonizer() if isinstance(network, ResNet) else SequentialMergeBatchNorm()]


class Added(nn.Module):
    """a + b, whose relevance Zennit shares out; at a + in Python each would be given all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sum = Sum(dim=-1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        found: Tensor = self.sum(torch.stack([a, b], dim=-1))
        return found


@contextmanager
def exact_merge(network: nn.Module) -> Iterator[None]:
    """Within the block a BatchNorm that was merged is the identity.

    Zennit leaves its epsilon in place, so that it divides by sqrt(1 + 1e-5).
    """
    norms = [module for module in network.modules() if isinstance(module, BatchNorm)]
    merged = [norm for norm in norms if bool((norm.running_var == 1).all())]
    before = [norm.eps for norm in merged]
    for norm in merged:
        norm.eps = 0.0
    try:
        yield
    finally:
        for norm, eps in zip(merged, before, strict=True):
            norm.eps = eps


def one_hot(output: Tensor, target: Tensor) -> Tensor:
    """1 at the class of each row."""
    return torch.zeros_like(output).scatter_(1, target[:, None], 1.0)


def prepared(
    make: Callable[[Subject, nn.Module], Any], *, logit: bool = True, merge: bool = False
) -> Prepared:
    """An attributor of Zennit, its composite registered before the clock starts.

    Args:
        make: attributor of a network.
        logit: start with the class's logit, as LRP does, not with 1.
        merge: BatchNorm is merged.
    """

    @contextmanager
    def context(subject: Subject) -> Iterator[Callable[[], Tensor]]:
        network = subject.copied()
        if merge and not isinstance(network, ResNet):  # whose sums the canonizer knows
            network = added_by(Added, network)
        attributor = make(subject, network)

        def start(output: Tensor) -> Tensor:
            hot = one_hot(output, subject.target)
            return output.detach() * hot if logit else hot

        with attributor, exact_merge(network) if merge else nullcontext():
            yield lambda: attributor(subject.x, start)[1]

    return context


def layered(rule: Callable[[], Any], first: Callable[[Subject], Any] | None = None) -> Prepared:
    """One rule for convolutions and linear layers, BatchNorm merged."""

    def make(subject: Subject, network: nn.Module) -> Gradient:
        kinds = [
            (Activation, Pass()),
            (BatchNorm, Pass()),
            (AvgPool, Norm()),
            (Sum, Norm()),
            (Convolution, rule()),
            (nn.Linear, rule()),
        ]
        merging = canonizers(network)
        if first is None:
            return Gradient(network, LayerMapComposite(kinds, canonizers=merging))
        box = [(Convolution, first(subject))]
        return Gradient(network, SpecialFirstLayerMapComposite(kinds, box, canonizers=merging))

    return prepared(make, merge=True)


def pixel_box(subject: Subject) -> ZBox:
    low, high = (subject.clf.normalise(torch.full_like(subject.x, value)) for value in (0.0, 1.0))
    return ZBox(low, high, **NO_BIAS)


def smoothgrad(subject: Subject, network: nn.Module) -> SmoothGrad:
    return SmoothGrad(network, noise_level=0.2, n_iter=100)


def alpha_beta(alpha: float, beta: float) -> Prepared:
    return layered(partial(AlphaBeta, alpha=alpha, beta=beta, **NO_BIAS))


def gradient(composite: type[Any] | None, **options: Any) -> Prepared:
    return prepared(
        lambda _, network: Gradient(network, composite and composite(**options)), logit=False
    )


@contextmanager
def excitation_backprop(subject: Subject) -> Iterator[Callable[[], Tensor]]:
    """Led back to the layer of the class activation maps, and summed over its channels."""
    network = subject.copied()
    composite = ExcitationBackprop(
        layer_map=[(BatchNorm, Pass())], canonizers=canonizers(network), **NO_BIAS
    )
    kept: list[Tensor] = []
    x = subject.x.detach().clone().requires_grad_()
    with composite.context(network) as modified, exact_merge(network):
        layer = modified.get_submodule(subject.clf.cam_layer)
        layer.register_forward_hook(lambda _, __, output: kept.append(output))

        def call() -> Tensor:
            kept.clear()
            output = modified(x)
            hot = one_hot(output, subject.target)
            return torch.autograd.grad(output, kept[0], hot)[0].sum(1, keepdim=True)

        yield call


PEERS = {
    "saliency": Peer(gradient(None)),
    "smoothgrad": Peer(prepared(smoothgrad, logit=False), tolerance=1.25, random=True),
    "integrated_gradients": Peer(
        prepared(
            lambda subject, network: IntegratedGradients(
                network, baseline_fn=lambda _: subject.baseline, n_iter=200
            ),
            logit=False,
        ),
        tolerance=None,
        note="Zennit's points on the path are equally spaced; here they are Gauss-Legendre's.",
    ),
    **{
        name: Peer(gradient(kind), judged=Subject.without_relu6, note=RELU6)
        for name, kind in (("deconvnet", DeconvNet), ("guided_backprop", GuidedBackprop))
    },
    "excitation_backprop": Peer(
        excitation_backprop, tolerance=1e-3, note="Zennit adds 1e-6 to the denominators."
    ),
    "lrp_epsilon": Peer(layered(partial(Epsilon, epsilon=1.0))),
    "lrp_alpha_beta": Peer(alpha_beta(2.0, 1.0)),
    **{name: Peer(alpha_beta(*values)) for name, values in PRESETS.items()},
    "deep_taylor": Peer(layered(partial(ZPlus, **NO_BIAS), pixel_box)),
}
