"""Class activation maps: slow twins, see ``explainers``."""

import math

import numpy as np

from tests.reference.backprops import guided_backprop
from tests.reference.layerwise import (
    gradient_rule,
    layers_of,
    lead_back,
    run,
)


def gradcam(net, x, target, *, relu=True):
    """S eqs 4.11-4.12 at the output of the last convolution."""
    layers = layers_of(net)
    last = max(index for index, layer in enumerate(layers) if layer[1] == "Conv2d")
    values = run(layers, x)
    activation = values[last + 1]
    slope = lead_back(layers, values, target, gradient_rule, stop=last + 1)
    channels, height, width = activation.shape
    cam = np.zeros((1, height, width))
    for k in range(channels):
        alpha = math.fsum(slope[k].reshape(-1)) / (height * width)
        for i in range(height):
            for j in range(width):
                cam[0, i, j] += alpha * activation[k, i, j]
    return np.maximum(cam, 0.0) if relu else cam


def guided_gradcam(net, x, target):
    cam = gradcam(net, x, target)[0]
    enlarged = np.array(
        [[bilinear(cam, i, j, x.shape[1:]) for j in range(x.shape[2])] for i in range(x.shape[1])]
    )
    return guided_backprop(net, x, target) * enlarged


def bilinear(small, i, j, size):
    """Value of ``small`` at pixel (i, j) of an enlargement to ``size``, pixel centres matched."""
    y = min(max((i + 0.5) * small.shape[0] / size[0] - 0.5, 0.0), small.shape[0] - 1.0)
    x = min(max((j + 0.5) * small.shape[1] / size[1] - 0.5, 0.0), small.shape[1] - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
    v, u = y - top, x - left
    return (1 - v) * ((1 - u) * small[top, left] + u * small[top, right]) + v * (
        (1 - u) * small[bottom, left] + u * small[bottom, right]
    )


REFERENCES = {
    "gradcam": (gradcam, {}),
    "guided_gradcam": (guided_gradcam, {}),
}
