"""Histograms of whole numbers, and the smooth curve over them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
BINS = 30
POINTS = 200


def whole_edges(values: Floats) -> Floats:
    """Edges, between whole numbers, of at most ``BINS`` bins of equal width.

    Args:
        values: whole numbers, at least one.

    Returns:
        The edges, one more than there are bins.
    """
    low, high = float(values.min()), float(values.max())
    width = max(1, math.ceil((high - low + 1) / BINS))
    count = math.ceil((high - low + 1) / width)
    edges: Floats = low - 0.5 + width * np.arange(count + 1, dtype=np.float64)
    return edges


def density(values: Floats, edges: Floats) -> tuple[Floats, Floats]:
    """A kernel density estimate in the histogram's units: expected values in a bin.

    Args:
        values: any numbers.
        edges: of the histogram's bins, all of one width.

    Returns:
        Places over the range of the bins, and heights; both empty if fewer than three values, or
        none but equal ones, were given.
    """
    from scipy.stats import gaussian_kde

    if len(values) < 3 or np.ptp(values) == 0:
        return np.empty(0), np.empty(0)
    places = np.linspace(edges[0], edges[-1], POINTS)
    return places, gaussian_kde(values)(places) * len(values) * (edges[1] - edges[0])
