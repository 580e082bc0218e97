"""How alike several heatmaps are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from xai_core.cache import Result, content_key
from xai_core.jobs import Task
from xai_core.similarity import pairwise


def similarity(maps: NDArray[np.float32], measure: str, show: str, signed: Sequence[bool]) -> Task:
    """Every map against every other.

    Args:
        maps: [M, H, W], from ``signed_map`` with this ``show``.
        measure: key of ``similarity.similarities()``.
        show: as in ``similarity.similarity``.
        signed: of each map, whether its method gives negative values.
    """
    kinds = list(signed)
    key = content_key("similarity", maps, measure, show, kinds)
    arguments = {"maps": maps, "measure": measure, "show": show, "signed": kinds}
    return Task(key, run_similarity, arguments, float(len(maps) ** 2), "Comparing the maps")


def run_similarity(
    maps: NDArray[np.float32], measure: str, show: str, signed: Sequence[bool]
) -> Result:
    """Score every map [M, H, W] against every other, as ``pairwise``: array "scores" [M, M]."""
    return Result({"scores": pairwise(maps, measure, show, signed=signed)})
