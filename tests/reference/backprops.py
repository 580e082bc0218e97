"""Gradients with another way back through ReLUs: slow twins, see ``explainers``."""

import numpy as np

from tests.reference.layerwise import (
    layers_of,
    lead_back,
    run,
)


def deconvnet(net, x, target):
    """S eq. 4.5."""
    layers = layers_of(net)
    return lead_back(layers, run(layers, x), target, lambda a, g: np.maximum(g, 0.0))


def guided_backprop(net, x, target):
    """S eq. 4.6."""
    layers = layers_of(net)
    return lead_back(
        layers, run(layers, x), target, lambda a, g: np.where((a > 0) & (g > 0), g, 0.0)
    )


def rectgrad(net, x, target, *, q):
    """S eqs 4.9-4.10, with the percentile of numpy."""
    layers = layers_of(net)

    def rule(a, g):
        importance = np.maximum(a, 0.0) * g
        return np.where(importance > np.percentile(importance, q), g, 0.0)

    product = x * lead_back(layers, run(layers, x), target, rule)
    return np.where(product > 0, product, 0.0)


REFERENCES = {
    "deconvnet": (deconvnet, {}),
    "guided_backprop": (guided_backprop, {}),
    "rectgrad": (rectgrad, {"q": 61.0}),
}
