"""Path integrals: slow twins, see ``explainers``."""

import itertools
import math

import numpy as np
import torch

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


def blurred(x):
    """Gaussian of 15 x 15 pixels and sigma 2.6, edge pixels repeated."""
    reach = range(-7, 8)
    weights = [math.exp(-(k**2) / (2 * 2.6**2)) for k in reach]
    found = np.zeros_like(x)
    _, height, width = x.shape
    for i, j in np.ndindex(height, width):
        for u, v in itertools.product(reach, reach):
            row, column = min(max(i + u, 0), height - 1), min(max(j + v, 0), width - 1)
            share = weights[u + 7] * weights[v + 7] / math.fsum(weights) ** 2
            found[:, i, j] += share * x[:, row, column]
    return found


def expected_gradients(net, x, target, *, baselines, samples, seed):
    """S eq. 4.34, one pair of a baseline and a point after the other."""
    layers = layers_of(net)
    generator = torch.Generator().manual_seed(seed)
    draws = torch.rand((samples, 2), generator=generator, dtype=torch.float64).tolist()
    total = np.zeros_like(x)
    if isinstance(baselines, str):
        pictures = {"blurred_and_original": [blurred(x), x]}[baselines]
    else:
        pictures = [picture.numpy() for picture in baselines]
    for place, alpha in draws:
        origin = pictures[int(place * len(pictures))]
        total += (x - origin) * gradient(layers, origin + alpha * (x - origin), target)
    return total / samples


PICTURES = torch.linspace(-1, 1, 3 * 3 * 8 * 6, dtype=torch.float64).sin().view(3, 3, 8, 6)
REFERENCES = {
    "integrated_gradients": (integrated_gradients, {"steps": 12}),
    "expected_gradients": (
        expected_gradients,
        {"baselines": PICTURES, "samples": 15, "seed": 3},
    ),
}
