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


REFERENCES = {
    "deconvnet": (deconvnet, {}),
    "guided_backprop": (guided_backprop, {}),
}
