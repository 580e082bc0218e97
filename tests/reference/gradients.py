"""Gradients and what is averaged over them: slow twins, see ``explainers``."""

import math

import torch

from tests.reference.layerwise import (
    gradient,
    layers_of,
)


def saliency(net, x, target):
    return gradient(layers_of(net), x, target)


def input_x_gradient(net, x, target):
    return x * gradient(layers_of(net), x, target)


def unit_of(x, sigma_units):
    """What sigma is multiplied by: max - min of the picture's input (Smilkov et al. 2017), ..."""
    if sigma_units == "range":
        return max(x.reshape(-1)) - min(x.reshape(-1))
    if sigma_units == "std":
        mean = math.fsum(x.reshape(-1)) / x.size
        return math.sqrt(math.fsum((x.reshape(-1) - mean) ** 2) / x.size)
    return 1.0


def noisy_copies(net, x, target, *, samples, sigma, seed, sigma_units="range"):
    """The base method's relevance of every noisy copy."""
    unit = unit_of(x, sigma_units)
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(samples):
        noise = torch.randn(x.shape, generator=generator, dtype=torch.float64).numpy()
        found.append(gradient(layers_of(net), x + sigma * unit * noise, target))
    return found


def smoothgrad(net, x, target, **settings):
    """S eq. 4.8."""
    found = noisy_copies(net, x, target, **settings)
    return sum(found) / len(found)


def smoothgrad_sq(net, x, target, **settings):
    found = noisy_copies(net, x, target, **settings)
    return sum(relevance**2 for relevance in found) / len(found)


def vargrad(net, x, target, **settings):
    """In two passes: first the mean, then the mean of the squared deviations from it."""
    found = noisy_copies(net, x, target, **settings)
    mean = sum(found) / len(found)
    return sum((relevance - mean) ** 2 for relevance in found) / len(found)


REFERENCES = {
    "saliency": (saliency, {}),
    "input_x_gradient": (input_x_gradient, {}),
    "smoothgrad": (smoothgrad, {"samples": 5, "sigma": 0.3, "seed": 4}),
    "smoothgrad_sq": (smoothgrad_sq, {"samples": 4, "sigma": 0.4, "seed": 1}),
    "vargrad": (vargrad, {"samples": 6, "sigma": 0.5, "seed": 2}),
}
