"""PxAP of the pixels of all pictures together, picture by picture added up."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from xai_core.localization.inputs import Ints
from xai_core.localization.precision import pooled_area

POOLED = "PxAP, pooled"
SAID = (
    "PxAP is the mean of the pictures' own areas; pooled, one area for the pixels of all pictures "
    "together (Choe et al. 2020), in which large objects weigh more."
)


@dataclass
class Pooled:
    """Sums over pictures.

    Attributes:
        counts: of ``precision.level_counts``, by method.
        pictures: how many of them have a PxAP, likewise.
    """

    counts: dict[str, Ints] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)

    def add(self, method: str, levels: Ints) -> None:
        """One picture more; nothing where its PxAP was not asked for.

        Args:
            method: whose map was scored.
            levels: ``Scores.levels`` of it.
        """
        if levels.size:
            self.counts[method] = self.counts.get(method, 0) + levels
            self.pictures[method] = self.pictures.get(method, 0) + int(levels.any())

    def table(self) -> pd.DataFrame:
        """Columns method, pictures (with a PxAP) and pxap_pooled."""
        rows = [
            {"method": method, "pictures": self.pictures[method], "pxap_pooled": pooled_area(own)}
            for method, own in self.counts.items()
        ]
        return pd.DataFrame(rows, columns=["method", "pictures", "pxap_pooled"])
