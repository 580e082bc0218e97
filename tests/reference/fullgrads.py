"""FullGrad: slow twin, see ``explainers``."""

import numpy as np

from tests.reference.cams import between_places
from tests.reference.layerwise import gradient_rule, layers_of, lead_back, run


def fullgrad(net, x, target):
    """Input times gradient, and every convolution's bias times the gradient at its output."""
    layers = layers_of(net)
    values = run(layers, x)
    total = psi(x * lead_back(layers, values, target, gradient_rule), x.shape[1:])
    for index, (_, kind, _, bias) in enumerate(layers):
        if kind == "Conv2d":
            slope = lead_back(layers, values, target, gradient_rule, stop=index + 1)
            total += psi(bias[:, None, None] * slope, x.shape[1:])
    return total[None]


def psi(term, size):
    """Absolute values, scaled to [0, 1] over everything, enlarged, channels summed."""
    term = np.abs(term)
    term = term - term.min()
    term = term / (term.max() + 1e-6)
    return np.array(
        [
            [sum(corner_aligned(k, i, j, size) for k in term) for j in range(size[1])]
            for i in range(size[0])
        ]
    )


def corner_aligned(small, i, j, size):
    """Value of ``small`` at pixel (i, j) of an enlargement to ``size``, corner pixels matched."""
    y = i * (small.shape[0] - 1) / (size[0] - 1)
    x = j * (small.shape[1] - 1) / (size[1] - 1)
    return between_places(small, y, x)


REFERENCES = {
    "fullgrad": (fullgrad, {}),
}
