"""Controls: slow twins, see ``explainers``."""

import math

import numpy as np
import torch


def edges(net, x, target):
    """Sobel magnitude of the luminance, border pixels repeated."""
    grey = 0.2125 * x[0] + 0.7154 * x[1] + 0.0721 * x[2]
    height, width = grey.shape
    result = np.zeros((1, height, width))

    def at(i, j):
        return grey[min(max(i, 0), height - 1), min(max(j, 0), width - 1)]

    for i in range(height):
        for j in range(width):
            across = sum(
                w * (at(i + k, j - 1) - at(i + k, j + 1)) for k, w in ((-1, 1), (0, 2), (1, 1))
            )
            down = sum(
                w * (at(i - 1, j + k) - at(i + 1, j + k)) for k, w in ((-1, 1), (0, 2), (1, 1))
            )
            result[0, i, j] = math.sqrt(((across / 4) ** 2 + (down / 4) ** 2) / 2)
    return result


def random(net, x, target, *, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(x.shape, generator=generator).double().numpy()


REFERENCES = {
    "edges": (edges, {}),
    "random": (random, {"seed": 4}),
}
