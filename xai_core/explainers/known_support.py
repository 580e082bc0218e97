"""Which methods work on a model, as far as that is known without loading it.

``assets/method-support.csv`` holds what every method said to a small instance of each kind of
network, and to the embedded models; ``python -m benchmarks.architectures`` writes it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from functools import cache

from xai_core.explainers.registry import FAMILIES, METHODS
from xai_core.places import ASSETS

FILE = ASSETS / "method-support.csv"
WORKS, REFUSES = "yes", "no"
ALL, NONE, NOT_TRIED = "all", "none", "not tried"
# The models of each column of the file: torchvision's names, and those of the embedded ones.
KINDS = {
    "VGG": r"vgg\d+",
    "VGG with BatchNorm": r"vgg\d+_bn",
    "ResNet": r"(wide_)?resnet\d+(_2)?|resnext\d+_\d+x\d+d",
    "DenseNet": r"densenet\d+",
    "GoogLeNet": "googlenet",
    "Inception v3": "inception_v3",
    "MobileNet v2": "mobilenet_v2",
    "EfficientNet": r"efficientnet_(b\d|v2_[sml])",
    "ConvNeXt": "convnext_(tiny|small|base|large)",
    "ViT": r"vit_[blh]_\d+",
    "vgg-tiny": "vgg-tiny(-permuted-labels)?",
    "efficientnet-lite0": "efficientnet-lite0",
}
GROUPS = {name: title for name, title in FAMILIES.items() if name != "control"}


def known_support(model: str) -> dict[str, bool]:
    """Whether each method works on a model.

    Args:
        model: its id in the registry.

    Returns:
        By the method's id; empty where no network of its kind was tried.
    """
    kind = next((kind for kind, names in KINDS.items() if re.fullmatch(names, model)), None)
    return {} if kind is None else dict(_file()[kind])


def in_groups(works: Mapping[str, bool]) -> dict[str, str]:
    """How many methods of each group work: "all", "none", "5 of 6", or "not tried".

    Args:
        works: by the method's id; of no method where nothing was tried.
    """
    return {
        family: _counted(works[name] for name in works if METHODS[name].family == family)
        for family in GROUPS
    }


def support_file(works: Mapping[str, Mapping[str, bool]]) -> str:
    """The file's text.

    Args:
        works: of every column, whether each method works.
    """
    lines = [",".join(("method", *works))]
    for name in METHODS:
        cells = (WORKS if column[name] else REFUSES for column in works.values())
        lines.append(",".join((name, *cells)))
    return "\n".join([*lines, ""])


def _counted(works: Iterable[bool]) -> str:
    found = list(works)
    if not found:
        return NOT_TRIED
    if len(set(found)) == 1:
        return ALL if found[0] else NONE
    return f"{sum(found)} of {len(found)}"


@cache
def _file() -> dict[str, dict[str, bool]]:
    """Whether each method works, by column."""
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {kind: {row["method"]: row[kind] == WORKS for row in rows} for kind in KINDS}
