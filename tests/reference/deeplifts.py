"""DeepLIFT: slow twins, see ``explainers``."""

import numpy as np

from tests.reference.layerwise import (
    BACKWARD,
    layers_of,
    run,
    windows,
    winner,
)


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


REFERENCES = {
    "deeplift": (deeplift, {}),
}
