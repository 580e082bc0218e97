"""ImageNet's 1,000 classes: names and WordNet ids, in the order of its logits. Needs no torch."""

from __future__ import annotations

import json
from functools import cache

from xai_core.places import ASSETS

IMAGENET = "imagenet-1k"  # the word that stands for all names
FILE = ASSETS / "efficientnet-lite0.json"
SYNONYMS = ASSETS / "imagenet-synonyms.json"


@cache
def imagenet_classes() -> dict[str, str]:
    """Readable names, none of them twice, by WordNet id such as "n02123045"."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    return dict(zip(facts["wordnet_ids"], facts["class_names"], strict=True))


@cache
def imagenet_synonyms() -> dict[str, tuple[str, ...]]:
    """All names that WordNet has for each of the classes, by WordNet id; some are of several."""
    names = json.loads(SYNONYMS.read_text(encoding="utf-8"))
    return {wnid: tuple(same) for wnid, same in names.items()}
