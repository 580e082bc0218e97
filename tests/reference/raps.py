"""Relative Attributing Propagation: slow twin, see ``explainers``.

Every layer is a list of connections, one output after the other: R_j is an output's relevance,
z the product of an input and its weight, P_j and N_j the sums of the positive and negative z.
"""

import numpy as np

from tests.reference.layerwise import BACKWARD, layers_of, run


def connections(kind, weight, shape):
    """(output, [(input, weight)]) of every output of a linear layer or 'same' convolution.

    ``shape``: of the layer's input. Outputs and inputs are places in arrays.
    """
    if kind == "Linear":
        for j, row in enumerate(weight):
            yield (j,), [((i,), w) for i, w in enumerate(row)]
        return
    outputs, channels, *kernel = weight.shape
    height, width = shape[1:]
    for o, row, column in np.ndindex(outputs, height, width):
        found = []
        for c, u, v in np.ndindex(channels, *kernel):
            i, j = row + u - kernel[0] // 2, column + v - kernel[1] // 2
            if 0 <= i < height and 0 <= j < width:
                found.append(((c, i, j), weight[o, c, u, v]))
        yield (o, row, column), found


def rap(net, x, target):
    layers = layers_of(net)
    values = run(layers, x)
    weighted = [index for index, layer in enumerate(layers) if layer[1] in ("Conv2d", "Linear")]
    relevance = np.zeros_like(values[-1])
    relevance[target] = values[-1][target]
    for index in range(len(layers) - 1, -1, -1):
        _, kind, weight, _ = layers[index]
        a = values[index]
        if index == weighted[-1]:
            relevance = _last(a, relevance, list(connections(kind, weight, a.shape)))
        elif index == weighted[0]:
            relevance = _first(a, relevance, list(connections(kind, weight, a.shape)))
        elif index in weighted:
            relevance = _hidden(kind, a, relevance, list(connections(kind, weight, a.shape)))
        elif kind != "ReLU":
            relevance = BACKWARD[kind](a, weight, relevance)
    return relevance


def _share(total, part, whole):
    return 0.0 if whole == 0 else total * part / whole


def _last(a, relevance, layer):
    result = np.zeros_like(a)
    for j, pairs in layer:
        size = sum(abs(a[i] * w) for i, w in pairs)
        for i, w in pairs:
            result[i] += _share(relevance[j], abs(a[i] * w), size)
    return result


def _hidden(kind, a, relevance, layer):
    result = np.zeros_like(a)
    for j, pairs in layer:
        r = relevance[j]
        positive = sum(a[i] * w for i, w in pairs if a[i] * w > 0)
        negative = sum(-a[i] * w for i, w in pairs if a[i] * w < 0)
        for i, w in pairs:
            z = a[i] * w
            if z > 0 and (kind == "Linear" or r > 0):
                result[i] += _share(r, z, positive)
            if z < 0 and kind == "Conv2d" and r < 0:
                result[i] += _share(r, -z, negative)
            if z < 0:
                result[i] += _share(r, -z, positive + negative)
    excess = result.sum() - relevance.sum()
    takers = [i for i in np.ndindex(a.shape) if result[i] != 0]
    for i in takers:
        result[i] -= excess / len(takers)
    return result


def _first(a, relevance, layer):
    low, high = a.min(), a.max()
    result = np.zeros_like(a)
    for j, pairs in layer:
        parts = [(i, a[i] * w - low * max(w, 0) - high * min(w, 0)) for i, w in pairs]
        total = sum(part for _, part in parts)
        for i, part in parts:
            result[i] += _share(relevance[j], part, total)
    return result


REFERENCES = {
    "rap": (rap, {}),
}
