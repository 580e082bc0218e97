"""DeepLIFT, RevealCancel and DeepSHAP: slow twins, see ``explainers``."""

import numpy as np

from tests.reference import nets
from tests.reference.layerwise import (
    BACKWARD,
    FORWARD,
    layers_of,
    run,
    windows,
    winner,
)


def deeplift(net, x, target):
    """Rescale rule from the black baseline, layer by layer."""
    return _rescaled(net, x, np.zeros_like(x), target)


def deepshap(net, x, target, baselines):
    """Mean of the Rescale rule over the baselines."""
    return np.mean([_rescaled(net, x, b, target) for b in np.asarray(baselines)], axis=0)


def _rescaled(net, x, x0, target):
    layers = layers_of(net)
    values, origins = run(layers, x), run(layers, x0)
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
    return (x - x0) * multiplier


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


def deeplift_rc(net, x, target):
    """RevealCancel from the black baseline: positive and negative parts of every change."""
    layers = layers_of(net)
    values, origins = run(layers, x), run(layers, np.zeros_like(x))
    changes = [value - origin for value, origin in zip(values, origins, strict=True)]
    parts = [(np.maximum(changes[0], 0), np.minimum(changes[0], 0))]
    for index, (_, kind, weight, _) in enumerate(layers):
        parts.append(_parts(kind, weight, origins[index], changes, parts[index], index))
    up, down = np.zeros_like(values[-1]), np.zeros_like(values[-1])
    up[target] = down[target] = 1.0
    for index in range(len(layers) - 1, -1, -1):
        _, kind, weight, _ = layers[index]
        a, a0, change = values[index], origins[index], changes[index]
        if kind == "ReLU":
            slopes_up, slopes_down = _slopes(a0, *parts[index])
            up, down = up * slopes_up, down * slopes_down
        elif kind == "MaxPool2d":
            whole = _by_sign(changes[index + 1], up, down)
            up = down = _rescale_pool(a, a0, values[index + 1], origins[index + 1], whole)
        elif kind == "Flatten":
            up, down = up.reshape(a.shape), down.reshape(a.shape)
        else:
            up = down = _shared_back(_matrix(kind, weight, a), change, up, down)
    return x * _by_sign(x, up, down)


def _parts(kind, weight, a0, changes, parts, index):
    """Positive and negative part of a layer's output."""
    change = changes[index + 1]
    if kind in ("Conv2d", "Linear"):
        terms = _matrix(kind, weight, a0) * changes[index].reshape(-1)
        both = np.where(terms > 0, terms, 0).sum(1), np.where(terms < 0, terms, 0).sum(1)
        return tuple(part.reshape(change.shape) for part in both)
    if kind == "ReLU":
        return _acting(a0, *parts)
    if kind == "Flatten":
        return tuple(part.reshape(-1) for part in parts)
    return np.maximum(change, 0), np.minimum(change, 0)


def _matrix(kind, weight, a):
    """The layer as a matrix [outputs, inputs], from what it makes of every unit vector."""
    if kind == "Linear":
        return weight
    units = np.eye(a.size).reshape(-1, *a.shape)
    return np.stack([FORWARD[kind](u, weight, np.zeros(len(weight))).ravel() for u in units], 1)


def _acting(a0, up, down):
    """4.27 and 4.28: what the parts do to a ReLU, in the mean of both orders."""

    def relu(a):
        return np.maximum(a, 0.0)

    first = relu(a0 + up) - relu(a0) + relu(a0 + down + up) - relu(a0 + down)
    second = relu(a0 + down) - relu(a0) + relu(a0 + up + down) - relu(a0 + up)
    return first / 2, second / 2


def _slopes(a0, up, down):
    """4.29 and 4.30; where a part is 0, the limit, which is a mean of slopes."""
    result = []
    for acting, part, other in zip(_acting(a0, up, down), (up, down), (down, up), strict=True):
        limit = ((a0 > 0) * 1.0 + (a0 + other > 0)) / 2
        result.append(np.where(part == 0, limit, acting / np.where(part == 0, 1, part)))
    return result


def _shared_back(matrix, change, up, down):
    """The linear rule: w to dy+ if w dx > 0, to dy- if it is < 0, half to both if dx = 0."""
    result = np.zeros(change.size)
    for i, dx in enumerate(change.ravel()):
        for j, w in enumerate(matrix[:, i]):
            if dx == 0:
                result[i] += w * (up.ravel()[j] + down.ravel()[j]) / 2
            elif w * dx > 0:
                result[i] += w * up.ravel()[j]
            elif w * dx < 0:
                result[i] += w * down.ravel()[j]
    return result.reshape(change.shape)


def _by_sign(change, up, down):
    return np.where(change > 0, up, np.where(change < 0, down, (up + down) / 2))


REFERENCES = {
    "deeplift": (deeplift, {}),
    "deeplift_rc": (deeplift_rc, {}),
    "deepshap": (deepshap, {"baselines": nets.oracle("baselines8")[:3, :, :8, :6]}),
}
