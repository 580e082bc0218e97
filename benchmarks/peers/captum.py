"""Captum's methods."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from captum import attr
from captum.attr._utils.lrp_rules import EpsilonRule
from torch import Tensor, nn

from benchmarks.peers import RELU6, Peer, Prepared
from benchmarks.settings import EXPECTED_SAMPLES
from benchmarks.subject import LARGE, Pictures, Subject

# Noisy copies and points on a path that go through a large network at once; all of them at
# once, which is Captum's way, needs tens of gigabytes there.
AT_ONCE = 16
STEPS = 200

On = Subject | Pictures
Call = Callable[[], Tensor]
Make = Callable[[On, nn.Module], Call]  # sets a method up; the call computes the map

POOLS = (
    "Captum's DeepLIFT loses the rule of a max-pool that a ReLU feeds; timed as it is, compared "
    "with a multiplication by 1 between them. Where windows overlap it keeps one share of "
    "several: its relevance does not sum to the change of the logit there, and is not judged. "
    "It knows nn.ReLU alone: neither is it where there are ReLU6."
)


def complete(subject: Subject) -> bool:
    """Whether Captum's DeepLIFT has a rule for all: neither ReLU6 nor windows that overlap."""
    pools = (module for module in subject.original.modules() if isinstance(module, nn.MaxPool2d))
    return subject.without_relu6() and all(pool.kernel_size == pool.stride for pool in pools)


def prepared(make: Make) -> Prepared:
    @contextmanager
    def context(subject: Subject) -> Iterator[Call]:
        yield make(subject, subject.repaired())

    return context


def plain(kind: type[Any], **options: Any) -> Make:
    """A method that needs nothing but the picture and the class."""

    def make(on: On, network: nn.Module) -> Call:
        method = kind(network)
        return lambda: method.attribute(on.x, target=on.target, **options)

    return make


def noisy(kind: str) -> Prepared:
    def make(on: On, network: nn.Module) -> Call:
        tunnel = attr.NoiseTunnel(attr.Saliency(network))
        return lambda: tunnel.attribute(
            on.x,
            nt_type=kind,
            nt_samples=100,
            nt_samples_batch_size=at_once(on),
            stdevs=0.2 * float(on.x.max() - on.x.min()),
            abs=False,
            target=on.target,
        )

    return prepared(make)


def at_once(on: On) -> int | None:
    return AT_ONCE if on.x.shape[2] > LARGE else None


def gradcam(on: On, network: nn.Module) -> Call:
    method = attr.LayerGradCam(network, network.get_submodule(on.cam_layer))
    return lambda: method.attribute(on.x, target=on.target, relu_attributions=True)


def guided_gradcam(on: On, network: nn.Module) -> Call:
    method = attr.GuidedGradCam(network, network.get_submodule(on.cam_layer))
    return lambda: method.attribute(on.x, target=on.target, interpolate_mode="bilinear")


def integrated_gradients(on: On, network: nn.Module, batch: int | None = None) -> Call:
    method = attr.IntegratedGradients(network)
    given = {"n_steps": STEPS, "internal_batch_size": batch or at_once(on)}
    return lambda: method.attribute(on.x, on.baseline, target=on.target, **given)


def expected_gradients(on: On, network: nn.Module, samples: int = EXPECTED_SAMPLES) -> Call:
    method = attr.GradientShap(network)
    return lambda: method.attribute(on.x, on.baselines, n_samples=samples, target=on.target)


def deeplift(on: On, network: nn.Module) -> Call:
    method = attr.DeepLift(network)
    return lambda: method.attribute(on.x, on.baseline, target=on.target)


def deepshap(on: On, network: nn.Module) -> Call:
    method = attr.DeepLiftShap(network)
    return lambda: method.attribute(on.x, on.baselines, target=on.target)


def separated(make: Make) -> Make:
    return lambda on, network: make(on, separate(network))


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


def lrp_epsilon(on: On, network: nn.Module) -> Call:
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.Flatten):
            network.set_submodule(name, Flat())
    kinds = (nn.Conv2d, nn.Linear, nn.BatchNorm2d, nn.BatchNorm1d)
    ruled = [module for module in network.modules() if isinstance(module, kinds)]
    method = attr.LRP(network)

    def call() -> Tensor:
        for module in ruled:  # each time, because Captum takes the rules away afterwards
            module.rule = EpsilonRule(epsilon=1.0)
        return method.attribute(on.x, target=on.target)

    return call


PEERS = {
    "saliency": Peer(prepared(plain(attr.Saliency, abs=False))),
    "input_x_gradient": Peer(prepared(plain(attr.InputXGradient))),
    "smoothgrad": Peer(noisy("smoothgrad"), tolerance=1.25, random=True),
    "smoothgrad_sq": Peer(noisy("smoothgrad_sq"), tolerance=1.25, random=True),
    "vargrad": Peer(noisy("vargrad"), tolerance=1.25, random=True),
    "deconvnet": Peer(
        prepared(plain(attr.Deconvolution)), judged=Subject.without_relu6, note=RELU6
    ),
    "guided_backprop": Peer(
        prepared(plain(attr.GuidedBackprop)), judged=Subject.without_relu6, note=RELU6
    ),
    "gradcam": Peer(prepared(gradcam)),
    "guided_gradcam": Peer(prepared(guided_gradcam), judged=Subject.without_relu6, note=RELU6),
    "lrp_epsilon": Peer(
        prepared(lrp_epsilon),
        tolerance=None,
        note="Captum keeps BatchNorm as a step of its own.",
    ),
    **{
        name: Peer(prepared(make), prepared(separated(make)), judged=complete, note=POOLS)
        for name, make in (("deeplift", deeplift), ("deepshap", deepshap))
    },
    "integrated_gradients": Peer(prepared(integrated_gradients)),
    "expected_gradients": Peer(prepared(expected_gradients), tolerance=1.25, random=True),
}
