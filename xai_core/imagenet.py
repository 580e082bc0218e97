"""ImageNet's 1,000 classes: names and WordNet ids, in the order of its logits. Needs no torch."""

from __future__ import annotations

import json
from functools import cache

from xai_core.places import ASSETS

FILE = ASSETS / "efficientnet-lite0.json"


@cache
def imagenet_classes() -> dict[str, str]:
    """Readable names, none of them twice, by WordNet id such as "n02123045"."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    return dict(zip(facts["wordnet_ids"], facts["class_names"], strict=True))
