"""Gradients and what is averaged over them: slow twins, see ``explainers``."""

import math

import numpy as np
import torch

from tests.reference.layerwise import (
    gradient,
    layers_of,
)


def saliency(net, x, target):
    return gradient(layers_of(net), x, target)


def input_x_gradient(net, x, target):
    return x * gradient(layers_of(net), x, target)


def smoothgrad(net, x, target, *, samples, sigma, seed):
    """S eq. 4.8; sigma times the picture's standard deviation."""
    mean = math.fsum(x.reshape(-1)) / x.size
    deviation = math.sqrt(math.fsum((x.reshape(-1) - mean) ** 2) / x.size)
    generator = torch.Generator().manual_seed(seed)
    total = np.zeros_like(x)
    for _ in range(samples):
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).numpy()
        total += gradient(layers_of(net), x + sigma * deviation * noise, target)
    return total / samples


REFERENCES = {
    "saliency": (saliency, {}),
    "input_x_gradient": (input_x_gradient, {}),
    "smoothgrad": (smoothgrad, {"samples": 5, "sigma": 0.3, "seed": 4}),
}
