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


def at_last_activation(net, x, target):
    """Output of the ReLU behind the last convolution and the gradient there, [K, h, w] each."""
    layers = layers_of(net)
    last = max(index for index, layer in enumerate(layers) if layer[1] == "Conv2d") + 1
    assert layers[last][1] == "ReLU"
    values = run(layers, x)
    return values[last + 1], lead_back(layers, values, target, gradient_rule, stop=last + 1)


def cam(net, x, target):
    """Zhou et al. eq. 2, for a network that ends in average, flatten, linear."""
    layers = layers_of(net)
    maps = run(layers[:-3], x)[-1]
    found = np.zeros((1, *maps.shape[1:]))
    for k, channel in enumerate(maps):
        found[0] += layers[-1][2][target, k] * channel
    return found


def gradcam(net, x, target, *, relu=True):
    """S eqs 4.11-4.12 at the last activation."""
    activation, slope = at_last_activation(net, x, target)
    channels, height, width = activation.shape
    cam = np.zeros((1, height, width))
    for k in range(channels):
        alpha = math.fsum(slope[k].reshape(-1)) / (height * width)
        for i in range(height):
            for j in range(width):
                cam[0, i, j] += alpha * activation[k, i, j]
    return np.maximum(cam, 0.0) if relu else cam


def gradcam_elementwise(net, x, target, *, relu=True):
    """C eq. 3."""
    activation, slope = at_last_activation(net, x, target)
    cam = np.zeros((1, *activation.shape[1:]))
    for k, i, j in np.ndindex(activation.shape):
        cam[0, i, j] += slope[k, i, j] * activation[k, i, j]
    return np.maximum(cam, 0.0) if relu else cam


def gradcam_pp(net, x, target, *, relu=True):
    return gradcam_pp_at(*at_last_activation(net, x, target), relu=relu)


def gradcam_pp_at(activation, slope, *, added=0.0, relu=True):
    """Chattopadhyay et al. eqs 5, 19, 20 without the factor exp(f_y); others add 1e-6."""
    cam = np.zeros((1, *activation.shape[1:]))
    for channel, slopes in zip(activation, slope, strict=True):
        total = math.fsum(channel.reshape(-1))
        weight = 0.0
        for g in slopes.reshape(-1):
            if g != 0:
                weight += g**2 / (2 * g**2 + total * g**3 + added) * max(g, 0.0)
        cam[0] += weight * channel
    return np.maximum(cam, 0.0) if relu else cam


def guided_gradcam(net, x, target):
    return guided_backprop(net, x, target) * enlarged(gradcam(net, x, target)[0], x.shape[1:])


def guided_gradcam_pp(net, x, target):
    return guided_backprop(net, x, target) * enlarged(gradcam_pp(net, x, target)[0], x.shape[1:])


def enlarged(cam, size):
    return np.array([[bilinear(cam, i, j, size) for j in range(size[1])] for i in range(size[0])])


def bilinear(small, i, j, size):
    """Value of ``small`` at pixel (i, j) of an enlargement to ``size``, pixel centres matched."""
    y = min(max((i + 0.5) * small.shape[0] / size[0] - 0.5, 0.0), small.shape[0] - 1.0)
    x = min(max((j + 0.5) * small.shape[1] / size[1] - 0.5, 0.0), small.shape[1] - 1.0)
    return between_places(small, y, x)


def between_places(small, y, x):
    """Bilinear value of ``small`` at row y and column x."""
    top, left = int(y), int(x)
    bottom, right = min(top + 1, small.shape[0] - 1), min(left + 1, small.shape[1] - 1)
    v, u = y - top, x - left
    return (1 - v) * ((1 - u) * small[top, left] + u * small[top, right]) + v * (
        (1 - u) * small[bottom, left] + u * small[bottom, right]
    )


REFERENCES = {
    "cam": (cam, {}),
    "gradcam": (gradcam, {}),
    "gradcam_elementwise": (gradcam_elementwise, {}),
    "gradcam_pp": (gradcam_pp, {}),
    "guided_gradcam": (guided_gradcam, {}),
    "guided_gradcam_pp": (guided_gradcam_pp, {}),
}
