"""Slow twins of the attribution methods, straight from their formulas, in float64.

Each takes (net, x, target): a Sequential of the kinds in ``layerwise``, one picture
[3, H, W] as a numpy array and a class number; each returns [C, h, w].
"""

import math

import numpy as np
import torch

from tests.reference.layerwise import (
    BACKWARD,
    gradient,
    gradient_rule,
    layers_of,
    lead_back,
    run,
    windows,
    winner,
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


def integrated_gradients(net, x, target, *, steps):
    """Black baseline; nodes and weights on [-1, 1] from numpy, moved to [0, 1]."""
    layers = layers_of(net)
    total = np.zeros_like(x)
    for node, weight in zip(*np.polynomial.legendre.leggauss(steps), strict=True):
        total += weight / 2 * gradient(layers, (node + 1) / 2 * x, target)
    return x * total


def deeplift(net, x, target):
    """Rescale rule from the black baseline, layer by layer."""
    layers = layers_of(net)
    values, origins = run(layers, x), run(layers, np.zeros_like(x))
    multiplier = np.zeros_like(values[-1])
    multiplier[target] = 1.0
    for index in range(len(layers) - 1, -1, -1):
        _, kind, weight, _ = layers[index]
        a, a0, out, out0 = values[index], origins[index], values[index + 1], origins[index + 1]
        if kind == "ReLU":
            multiplier = _rescale(a, a0, out, out0, multiplier)
        elif kind == "MaxPool2d":
            multiplier = _rescale_pool(a, a0, out, out0, multiplier)
        else:
            multiplier = BACKWARD[kind](a, weight, multiplier)
    return x * multiplier


def _rescale(a, a0, out, out0, multiplier):
    result = np.zeros_like(a)
    for place in np.ndindex(a.shape):
        change = a[place] - a0[place]
        slope = float(a[place] > 0)
        ratio = slope if abs(change) < 1e-10 else (out[place] - out0[place]) / change
        result[place] = multiplier[place] * ratio
    return result


def _rescale_pool(a, a0, out, out0, multiplier):
    """max(o, o') - o' to the winner at x, o - max(o, o') to the winner at the baseline."""
    result = np.zeros_like(a)
    for c in range(a.shape[0]):
        for place, inputs in windows(*a.shape[1:]):
            o, o0, m = out[c][place], out0[c][place], multiplier[c][place]
            at_x, at_origin = winner(a[c], inputs), winner(a0[c], inputs)
            for share, taker in ((max(o, o0) - o0, at_x), (o - max(o, o0), at_origin)):
                change = a[c][taker] - a0[c][taker]
                if abs(change) >= 1e-10:
                    result[c][taker] += m * share / change
            if abs(a[c][at_x] - a0[c][at_x]) < 1e-10:
                result[c][at_x] = m
    return result


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


# id -> (twin, settings that both are called with)
REFERENCES = {
    "saliency": (saliency, {}),
    "input_x_gradient": (input_x_gradient, {}),
    "smoothgrad": (smoothgrad, {"samples": 5, "sigma": 0.3, "seed": 4}),
    "deconvnet": (deconvnet, {}),
    "guided_backprop": (guided_backprop, {}),
    "gradcam": (gradcam, {}),
    "guided_gradcam": (guided_gradcam, {}),
    "deeplift": (deeplift, {}),
    "integrated_gradients": (integrated_gradients, {"steps": 12}),
    "edges": (edges, {}),
    "random": (random, {"seed": 4}),
}
