"""Which method works on which kind of network: found by running every one on a small instance.

``python -m benchmarks.architectures`` writes docs/architectures.md and, with the embedded models
beside them, assets/method-support.csv; tests compare the files with what it would write now.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torchvision import models
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import MBConvConfig
from torchvision.models.resnet import BasicBlock

from xai_core.explainers import FAMILIES, METHODS
from xai_core.explainers.known_support import FILE, support_file
from xai_core.explainers.support import supported
from xai_core.models import Classifier, load_classifier

CLASSES = 3
EMBEDDED = ("vgg-tiny", "efficientnet-lite0")
PLACE = Path(__file__).parents[1] / "docs" / "architectures.md"
HEAD = """# Which method works on which network

Every method was run on a small instance of each kind of network, with random weights. ✓: it
works. A number: it refuses, with the sentence below that has this number. Nothing is explained
wrongly in silence: a step without a rule is named. `python -m benchmarks.architectures` writes
this page, and a test compares it with what the methods do.
"""


def vgg(batch_norm: bool) -> nn.Module:
    """Two stages of VGG, with or without BatchNorm."""
    net = models.VGG(models.vgg.make_layers([4, "M", 8, "M"], batch_norm), num_classes=CLASSES)
    net.avgpool = nn.AdaptiveAvgPool2d(2)
    net.classifier = nn.Sequential(
        nn.Linear(8 * 4, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, CLASSES)
    )
    return net


def efficientnet() -> nn.Module:
    """EfficientNet with two blocks."""
    blocks = [MBConvConfig(1, 3, 1, 8, 8, 1), MBConvConfig(4, 3, 2, 8, 16, 1)]
    return models.EfficientNet(blocks, dropout=0.1, last_channel=32, num_classes=CLASSES)


def transformer() -> nn.Module:
    """Vision transformer with two layers."""
    net = models.VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=CLASSES)
    # It starts with a head of zeros, which would leave nothing to explain.
    nn.init.normal_(net.heads.head.weight)
    return net


def small(net: nn.Module, *repeated: str) -> nn.Module:
    """An eighth of the channels, for networks of one size only, and without ``repeated`` blocks."""

    def width(channels: int) -> int:
        return channels if channels == 3 else channels // 8

    for name in repeated:
        net.set_submodule(name, nn.Identity())
    for name, part in list(net.named_modules()):
        if isinstance(part, nn.Conv2d):
            sides = {side: getattr(part, side) for side in ("kernel_size", "stride", "padding")}
            channels = width(part.in_channels), width(part.out_channels)
            net.set_submodule(name, nn.Conv2d(*channels, bias=part.bias is not None, **sides))
        elif isinstance(part, nn.BatchNorm2d):
            net.set_submodule(name, nn.BatchNorm2d(width(part.num_features), part.eps))
        elif isinstance(part, nn.Linear):
            net.set_submodule(name, nn.Linear(width(part.in_features), CLASSES))
    return net


def googlenet() -> nn.Module:
    """GoogLeNet with six of its nine blocks."""
    net = models.GoogLeNet(aux_logits=False, init_weights=False)
    return small(net, "inception4b", "inception4c", "inception5a")


def inception() -> nn.Module:
    """Inception v3 with a block of every kind, two of the first."""
    net = models.Inception3(aux_logits=False, init_weights=False)
    return small(net, "Mixed_5d", "Mixed_6c", "Mixed_6d", "Mixed_6e", "Mixed_7c")


# Title, side of the picture in pixels, network.
ARCHITECTURES: dict[str, tuple[int, Callable[[], nn.Module]]] = {
    "VGG": (32, partial(vgg, False)),
    "VGG with BatchNorm": (32, partial(vgg, True)),
    "ResNet": (32, lambda: small(models.ResNet(BasicBlock, [1, 1, 1, 1]))),
    "DenseNet": (32, lambda: models.DenseNet(4, (1, 1), 8, num_classes=CLASSES)),
    "GoogLeNet": (32, googlenet),
    "Inception v3": (75, inception),
    "MobileNet v2": (
        32,
        lambda: models.MobileNetV2(CLASSES, 0.25, [[1, 16, 1, 1], [6, 24, 1, 2]]),
    ),
    "EfficientNet": (32, efficientnet),
    "ConvNeXt": (
        32,
        lambda: models.ConvNeXt(
            [CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 1)], num_classes=CLASSES
        ),
    ),
    "ViT": (32, transformer),
}


def classifier(title: str) -> Classifier:
    """The small instance of that kind, the same every time."""
    side, build = ARCHITECTURES[title]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = build().eval()
    names = [f"class {index}" for index in range(CLASSES)]
    return Classifier(net, names, (side, side), title=title)


def page(found: dict[str, dict[str, str]]) -> str:
    """The page of the sentences by network and method."""
    sentences = list(dict.fromkeys(s for column in found.values() for s in column.values() if s))
    lines = [HEAD, f"| method | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
    for family, heading in FAMILIES.items():
        rows = [row for row in METHODS.values() if row.family == family]
        if rows:
            lines.append(f"| *{heading}* |" + " |" * len(found))
        for row in rows:
            told = [found[title][row.id] for title in found]
            cells = [str(sentences.index(s) + 1) if s else "✓" for s in told]
            lines.append(f"| `{row.id}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *(f"{n}. {s}" for n, s in enumerate(sentences, 1)), ""])


def everything() -> dict[str, dict[str, str]]:
    """What every method says to every network; "" where it works."""
    return {title: supported(classifier(title)) for title in ARCHITECTURES}


def works(found: dict[str, dict[str, str]]) -> dict[str, dict[str, bool]]:
    """Whether each method works, by network, of the sentences by network."""
    return {
        title: {name: not sentence for name, sentence in column.items()}
        for title, column in found.items()
    }


def main() -> None:
    """Write both files."""
    found = everything()
    PLACE.write_text(page(found), encoding="utf-8")
    embedded = {name: supported(load_classifier(name)) for name in EMBEDDED}
    FILE.write_text(support_file(works({**found, **embedded})), encoding="utf-8")
    print(PLACE, FILE, sep="\n", file=sys.stderr)


if __name__ == "__main__":
    main()
