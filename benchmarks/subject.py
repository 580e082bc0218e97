"""What every method and every library is measured on: a network, a picture and a class."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from benchmarks.separate import parted, separated
from xai_core.images import sample_image
from xai_core.models import Classifier, load_classifier
from xai_core.models.architectures import build_network
from xai_core.models.model_facts import embedded

LARGE = 64  # pixels of a side; above it Captum needs tens of gigabytes for as many pictures
BASELINES, FEW_BASELINES = 64, 8
OURS = {"modified-vgg16": (200, 64)}  # classes and side of networks without published weights
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@dataclass(frozen=True)
class Subject:
    """A network, a picture and the class to explain.

    Attributes:
        clf: the network as this project sees it.
        original: the network as other libraries expect it: torchvision's own modules.
        x: the picture, [1, 3, H, W].
        target: the most probable class, int64 [1].
        baselines: pictures of uniform noise, [B, 3, H, W].
    """

    clf: Classifier
    original: nn.Module
    x: Tensor
    target: Tensor
    baselines: Tensor

    @property
    def cam_layer(self) -> str:
        """Dotted name of the layer of class activation maps."""
        return self.clf.cam_layer

    @property
    def baseline(self) -> Tensor:
        """The black picture, [1, 3, H, W]."""
        return self.clf.normalise(torch.zeros_like(self.x))

    def without_relu6(self) -> bool:
        """Whether other libraries have a rule for every rectifier."""
        return not any(isinstance(module, nn.ReLU6) for module in self.original.modules())

    def repaired(self) -> nn.Module:
        """A network of one's own, each ReLU a module used once; shares the weights' memory."""
        return separated(self.clf.private().module)

    def copied(self) -> nn.Module:
        """A network of one's own with weights of its own, for libraries that change them."""
        return parted(copy.deepcopy(self.original))


@dataclass(frozen=True)
class Pictures:
    """Several pictures at once, for whatever network.

    Attributes:
        cam_layer: dotted name of the layer of class activation maps.
        x: network input, [N, 3, H, W].
        target: explained classes, int64 [N].
        baseline: of each picture, [N, 3, H, W].
        baselines: of all, [B, 3, H, W].
    """

    cam_layer: str
    x: Tensor
    target: Tensor
    baseline: Tensor
    baselines: Tensor

    def first(self) -> Pictures:
        """The first of them alone."""
        one = {"x": self.x[:1], "target": self.target[:1], "baseline": self.baseline[:1]}
        return replace(self, **one)


def subject(network: str, picture: str, dtype: torch.dtype, baselines: int = 0) -> Subject:
    """An embedded model, or an architecture with the weights of seed 0.

    Args:
        network: id of the model, or name of the architecture.
        picture: id of a sample picture.
        dtype: of the network.
        baselines: their number; 0 for as many as Captum has room for.
    """
    if network in embedded():
        clf = load_classifier(network)
        clf.module.to(dtype)
        original = clf.module
    else:
        classes, side = OURS.get(network, (1000, 299 if network == "inception_v3" else 224))
        torch.manual_seed(0)
        original = build_network(network, classes).to(dtype).eval().requires_grad_(False)
        names = [str(number) for number in range(classes)]
        clf = Classifier(original, names, (side, side), title=network, **IMAGENET)
    x = clf.preprocess([sample_image(picture)]).to(dtype)
    with torch.no_grad():
        target = clf.logits(x).argmax(1)
    generator = torch.Generator().manual_seed(0)
    count = baselines or (BASELINES if x.shape[2] <= LARGE else FEW_BASELINES)
    noise = torch.rand((count, *x.shape[1:]), generator=generator, dtype=torch.float64)
    return Subject(clf, original, x, target, clf.normalise(noise.to(dtype)))
