"""Maps that show nothing: those that are empty, and those that sit at the border.

Such a map resembles hardly any other, so that a low similarity to it tells nothing of what the
network has learnt.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from xai_core.heatmaps import Floats, one_channel
from xai_core.randomization.scores import Map

EMPTY, BORDER = "empty", "border"
FEW = 1 / 50  # of the pixels
MARGIN = 1 / 8  # of the shorter side
NEARLY_ALL = 0.9  # of the mass
MEANING = (
    "A map is empty if it is zero everywhere. It sits at the border, or in a corner, if nine "
    "tenths of it lie in a fiftieth of its pixels, all within an eighth of its side from the "
    "border. Where nothing else is left of a map, a low similarity does not say that the method is "
    "sensitive to what the network has learnt."
)


def collapse(relevance: Map) -> str:
    """Whether a map is empty or sits at the border: "empty", "border", or "" for neither.

    With m(p) = |Σ_c R_c(p)|, at the resolution of the method's own, h by w pixels:

    - empty: Σ m = 0.
    - at the border: of the pixels that are less than d = ⌈min(h, w) / 8⌉ away from the border, the
      k = ⌈h w / 50⌉ with the largest m hold at least 9/10 of Σ m. A corner is a part of it. Where
      the border leaves no middle, as in a map of 2 by 2, nothing sits there.

    Args:
        relevance: one map [C, h, w].
    """
    scaled = relevance.astype(np.float64) / (np.abs(relevance).max() or 1)  # no sum overflows
    mass: Floats = np.abs(one_channel(scaled[None], "all")[0])
    total = mass.sum()
    if total == 0:
        return EMPTY
    width = math.ceil(MARGIN * min(mass.shape))
    border = np.ones(mass.shape, dtype=bool)
    border[width:-width, width:-width] = False
    if border.all():
        return ""
    few = math.ceil(FEW * mass.size)
    held = np.sort(mass[border])[-few:].sum()
    return BORDER if held >= NEARLY_ALL * total else ""


def counted(trained: Sequence[str], others: Sequence[Sequence[str]]) -> dict[str, int]:
    """On how many pictures a map has collapsed.

    Args:
        trained: of every picture, what ``collapse`` says of the trained network's map.
        others: the same of every network that is compared with it, by its pictures. A picture
            counts if its map has collapsed with one of them.

    Returns:
        By "pictures" (all), "empty", "border", "trained empty" and "trained border".
    """
    found = {"pictures": len(trained)}
    for kind in (EMPTY, BORDER):
        found[kind] = sum(kind in one for one in zip(*others, strict=True))
    for kind in (EMPTY, BORDER):
        found[f"trained {kind}"] = sum(kind == one for one in trained)
    return found


def remark(found: Mapping[Any, Any]) -> str:
    """What must be said beside a verdict, or "" if no map has collapsed.

    Args:
        found: from ``counted``.
    """
    places = {
        EMPTY: "empty",
        BORDER: "at the border",
        f"trained {EMPTY}": "already the trained network's empty",
        f"trained {BORDER}": "already the trained network's at the border",
    }
    every = found["pictures"]
    pictures = "picture" if every == 1 else "pictures"
    said = [
        f"{words} on {found[name]} of {every} {pictures}"
        for name, words in places.items()
        if found[name]
    ]
    return "; ".join(said)
