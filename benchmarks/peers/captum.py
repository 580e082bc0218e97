"""Captum's methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from captum import attr
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn

from benchmarks.peers import Peer, Prepared
from benchmarks.settings import EXPECTED_SAMPLES
from benchmarks.subject import LARGE, Subject

# Noisy copies and points on a path that go through a large network at once; all of them at
# once, which is Captum's way, needs tens of gigabytes there.
AT_ONCE = 16

POOLS = (
    "Captum's DeepLIFT loses the rule of a max-pool that a ReLU feeds; timed as it is, compared "
    "with a multiplication by 1 between them. Where windows overlap it keeps one share of "
    "several: its relevance does not sum to the change of the logit there, and is not judged."
)


def no_overlap(subject: Subject) -> bool:
    """Whether no windows of a max-pool overlap."""
    pools = (module for module in subject.original.modules() if isinstance(module, nn.MaxPool2d))
    return all(pool.kernel_size == pool.stride for pool in pools)


def prepared(make: Callable[[Subject, nn.Module], Callable[[], Tensor]]) -> Prepared:
    @contextmanager
    def context(subject: Subject) -> Iterator[Callable[[], Tensor]]:
        yield make(subject, subject.repaired())

    return context


def plain(kind: type[Any], **options: Any) -> Prepared:
    """A method that needs nothing but the picture and the class."""

    def make(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
        method = kind(network)
        return lambda: method.attribute(subject.x, target=subject.target, **options)

    return prepared(make)


def noisy(kind: str) -> Prepared:
    def make(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
        tunnel = attr.NoiseTunnel(attr.Saliency(network))
        return lambda: tunnel.attribute(
            subject.x,
            nt_type=kind,
            nt_samples=100,
            nt_samples_batch_size=at_once(subject),
            stdevs=0.2 * float(subject.x.max() - subject.x.min()),
            abs=False,
            target=subject.target,
        )

    return prepared(make)


def at_once(subject: Subject) -> int | None:
    return AT_ONCE if subject.x.shape[2] > LARGE else None


def gradcam(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
    method = attr.LayerGradCam(network, network.get_submodule(subject.clf.cam_layer))
    return lambda: method.attribute(subject.x, target=subject.target, relu_attributions=True)


def guided_gradcam(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
    method = attr.GuidedGradCam(network, network.get_submodule(subject.clf.cam_layer))
    return lambda: method.attribute(subject.x, target=subject.target, interpolate_mode="bilinear")


def integrated_gradients(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
    method = attr.IntegratedGradients(network)
    return lambda: method.attribute(
        subject.x,
        subject.black,
        target=subject.target,
        n_steps=200,
        internal_batch_size=at_once(subject),
    )


def expected_gradients(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
    method = attr.GradientShap(network)
    return lambda: method.attribute(
        subject.x, subject.baselines, n_samples=EXPECTED_SAMPLES, target=subject.target
    )


def deeplift(separated: bool) -> Prepared:
    def make(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
        method = attr.DeepLift(separate(network) if separated else network)
        return lambda: method.attribute(subject.x, subject.black, target=subject.target)

    return prepared(make)


def deepshap(separated: bool) -> Prepared:
    def make(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
        method = attr.DeepLiftShap(separate(network) if separated else network)
        return lambda: method.attribute(subject.x, subject.baselines, target=subject.target)

    return prepared(make)


class Once(nn.Module):
    """Times one: a step between a ReLU and the max-pool behind it."""

    def forward(self, a: Tensor) -> Tensor:
        return a * 1.0


def separate(network: nn.Module) -> nn.Module:
    """``network`` with a step in front of every max-pool."""
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d):
            network.set_submodule(name, nn.Sequential(Once(), module))
    return network


class Flat(nn.Module):
    """nn.Flatten for Captum's LRP, which looks for the rules of modules without children."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Dropout()

    def forward(self, a: Tensor) -> Tensor:
        return a.flatten(1)


def lrp_epsilon(subject: Subject, network: nn.Module) -> Callable[[], Tensor]:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Flatten):
            network.set_submodule(name, Flat())
    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d)
    ruled = [module for module in network.modules() if isinstance(module, kinds)]
    method = attr.LRP(network)

    def call() -> Tensor:
        for module in ruled:  # each time, because Captum takes the rules away afterwards
            module.rule = EpsilonRule(epsilon=1.0)
        return method.attribute(subject.x, target=subject.target)

    return call


PEERS = {
    "saliency": Peer(plain(attr.Saliency, abs=False)),
    "input_x_gradient": Peer(plain(attr.InputXGradient)),
    "smoothgrad": Peer(noisy("smoothgrad"), tolerance=1.25, random=True),
    "smoothgrad_sq": Peer(noisy("smoothgrad_sq"), tolerance=1.25, random=True),
    "vargrad": Peer(noisy("vargrad"), tolerance=1.25, random=True),
    "deconvnet": Peer(plain(attr.Deconvolution)),
    "guided_backprop": Peer(plain(attr.GuidedBackprop)),
    "gradcam": Peer(prepared(gradcam)),
    "guided_gradcam": Peer(prepared(guided_gradcam)),
    "lrp_epsilon": Peer(
        prepared(lrp_epsilon),
        tolerance=None,
        note="Captum keeps BatchNorm as a step of its own.",
    ),
    "deeplift": Peer(deeplift(False), compared=deeplift(True), judged=no_overlap, note=POOLS),
    "deepshap": Peer(deepshap(False), compared=deepshap(True), judged=no_overlap, note=POOLS),
    "integrated_gradients": Peer(prepared(integrated_gradients)),
    "expected_gradients": Peer(prepared(expected_gradients), tolerance=1.25, random=True),
}
