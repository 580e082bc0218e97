"""Path integrals: slow twins, see ``explainers``."""

import numpy as np

from tests.reference.layerwise import (
    gradient,
    layers_of,
)


def integrated_gradients(net, x, target, *, steps):
    """Black baseline; nodes and weights on [-1, 1] from numpy, moved to [0, 1]."""
    layers = layers_of(net)
    total = np.zeros_like(x)
    for node, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        total += weight / 2 * gradient(layers, (node + 1) / 2 * x, target)
    return x * total


REFERENCES = {
    "integrated_gradients": (integrated_gradients, {"steps": 12}),
}
