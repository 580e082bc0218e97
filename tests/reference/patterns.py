"""PatternAttribution: slow twin, see ``explainers``."""

import numpy as np
import torch

from tests.reference.layerwise import gradient_rule, layers_of, lead_back, run

GENERATOR = torch.Generator().manual_seed(11)
PICTURES = torch.randn((5, 3, 8, 6), generator=GENERATOR, dtype=torch.float64)


def pattern_attribution(net, x, target, *, baselines):
    layers = layers_of(net)
    runs = [run(layers, picture) for picture in baselines.numpy()]
    changed = []
    for index, (name, kind, weight, bias) in enumerate(layers):
        if weight is not None:
            rectified = index + 1 < len(layers) and layers[index + 1][1] == "ReLU"
            inputs = [values[index] for values in runs]
            weight = weight * pattern(kind, weight, bias, inputs, rectified)
        changed.append((name, kind, weight, bias))
    values = run(layers, x)
    return values[-1][target] * lead_back(changed, values, target, gradient_rule)


def pattern(kind, weight, bias, inputs, rectified):
    """Of every neuron: (E+[xy] - E+[x] E[y]) / (E+[yy] - E+[y] E[y])."""
    result = np.zeros_like(weight)
    for neuron, (w, b) in enumerate(zip(weight, bias, strict=True)):
        samples = [(x, (w * x).sum() + b) for a in inputs for x in seen(kind, w, a)]
        all_y = sum(y for _, y in samples) / len(samples)
        active = [(x, y) for x, y in samples if y > 0 or not rectified]
        if not active:
            continue
        mean_xy = sum(x * y for x, y in active) / len(active)
        mean_yy = sum(y * y for _, y in active) / len(active)
        mean_x = sum(x for x, _ in active) / len(active)
        mean_y = sum(y for _, y in active) / len(active)
        result[neuron] = (mean_xy - mean_x * all_y) / (mean_yy - mean_y * all_y)
    return result


def seen(kind, w, a):
    """What a neuron sees of a: all of it, or at every place of a 'same' convolution."""
    if kind == "Linear":
        return [a]
    size = w.shape[-1]
    margin = size // 2
    padded = np.pad(a, ((0, 0), (margin, margin), (margin, margin)))
    places = np.ndindex(*a.shape[1:])
    return [padded[:, i : i + size, j : j + size] for i, j in places]


REFERENCES = {
    "pattern_attribution": (pattern_attribution, {"baselines": PICTURES}),
}
