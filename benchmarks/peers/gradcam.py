"""pytorch-grad-cam's methods."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

import torch
from pytorch_grad_cam import FullGrad, GradCAM, GradCAMElementWise, GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor
from torch.nn import functional as F

from benchmarks.peers import Peer, Prepared
from benchmarks.subject import Subject


def prepared(kind: type[Any]) -> Prepared:
    @contextmanager
    def context(subject: Subject) -> Iterator[Callable[[], Tensor]]:
        network = subject.repaired()
        layers = [network.get_submodule(subject.clf.cam_layer)]
        # So that frozen weights need no gradient: it would be computed and thrown away.
        x = subject.x.detach().clone().requires_grad_()
        targets = [ClassifierOutputTarget(int(subject.target))]
        with redirect_stdout(io.StringIO()):  # FullGrad says that it needs no layer
            method = kind(model=network, target_layers=layers)
        with method:
            yield lambda: torch.from_numpy(method(input_tensor=x, targets=targets))

    return context


def scaled(a: Tensor) -> Tensor:
    """From 0 to 1."""
    a = a - a.amin()
    return a / (a.amax() + 1e-7)


def seen_as(ours: Tensor, theirs: Tensor) -> Tensor:
    """Ours [1, 1, h, w] as pytorch-grad-cam gives it: scaled, enlarged, scaled again."""
    large = F.interpolate(scaled(ours), size=theirs.shape[1:], mode="bilinear")
    return scaled(large)[:, 0]


# Its maps are float32, whatever the network is.
PEERS = {
    "gradcam": Peer(prepared(GradCAM), seen_as=seen_as, tolerance=1e-5),
    "gradcam_elementwise": Peer(
        prepared(GradCAMElementWise),
        seen_as=seen_as,
        tolerance=None,
        note="pytorch-grad-cam sets negative values to zero before it sums the channels.",
    ),
    "gradcam_pp": Peer(
        prepared(GradCAMPlusPlus),
        seen_as=seen_as,
        tolerance=2e-2,
        note="pytorch-grad-cam adds 1e-6 to Grad-CAM++'s denominators.",
    ),
    "fullgrad": Peer(
        prepared(FullGrad),
        seen_as=seen_as,
        tolerance=None,
        note="pytorch-grad-cam's FullGrad scales every channel by itself.",
    ),
}
