"""Relevance propagation: slow twins, see ``explainers``.

A layer with weights is a set of products a_i w_ij; every rule says which of them share out the
relevance of output j.
"""

import math

import numpy as np

from tests.reference.layerwise import BACKWARD, layers_of, run, taps


def products(kind, weight, a):
    """(where in the output, where in the input, weights [outputs, inputs]) of a layer."""
    if kind == "Linear":
        yield slice(None), slice(None), weight
        return
    for (i, j), (u, v), (row, column) in taps(weight, *a.shape[1:]):
        yield (slice(None), i, j), (slice(None), row, column), weight[:, :, u, v]


def stabilised(z, epsilon):
    return z + epsilon * np.where(z < 0, -1.0, 1.0)


def shared_out(layer, a, relevance, part, epsilon, bias=False):
    """R_i = sum_j part(a_i, w_ij) R_j / sum_k part(a_k, w_kj), part(1, b_j) in it if ``bias``."""
    _, kind, weight, b = layer
    z = np.zeros_like(relevance)
    for out, into, w in products(kind, weight, a):
        z[out] += part(a[into], w, into).sum(axis=1)
    if bias:
        z += part(1.0, b, None).reshape(-1, *[1] * (z.ndim - 1))
    ratio = relevance / stabilised(z, epsilon)
    found = np.zeros_like(a)
    for out, into, w in products(kind, weight, a):
        found[into] += part(a[into], w, into).T @ ratio[out]
    return found


def every(a, w, into):
    return a * w


def raising(a, w, into):
    return np.maximum(a * w, 0.0)


def lowering(a, w, into):
    return np.minimum(a * w, 0.0)


def within(x):
    """Part of the z^B rule, for a box that reaches from the lowest to the highest pixel."""
    low, high = x.min(), x.max()

    def part(a, w, into):
        return a * w - low * np.maximum(w, 0.0) - high * np.minimum(w, 0.0)

    return part


def propagated(layers, values, relevance, rule, stop=0):
    """Relevance at the input of layer number ``stop``; ``rule(index, a, relevance)``."""
    for index in range(len(layers) - 1, stop - 1, -1):
        _, kind, weight, _ = layers[index]
        if kind in ("Conv2d", "Linear"):
            relevance = rule(index, values[index], relevance)
        elif kind != "ReLU":
            relevance = BACKWARD[kind](values[index], weight, relevance)
    return relevance


def at_logit(values, target, value=None):
    start = np.zeros_like(values[-1])
    start[target] = values[-1][target] if value is None else value
    return start


def lrp_epsilon(net, x, target, *, epsilon=1.0, epsilon_units="output", bias=True):
    """Bach et al. eq. 58, the bias in the denominator."""
    layers = layers_of(net)
    values = run(layers, x)

    def rule(index, a, relevance):
        _, kind, _, b = layers[index]
        z = values[index + 1]
        if not bias:
            z = z - (b if kind == "Linear" else b[:, None, None])
        unit = math.fsum(np.abs(z).reshape(-1)) / z.size if epsilon_units == "mean" else 1.0
        return shared_out(layers[index], a, relevance, every, epsilon * unit, bias)

    return propagated(layers, values, at_logit(values, target), rule)


def lrp_alpha_beta(net, x, target, *, alpha=2.0, beta=1.0, epsilon=1e-6, bias=False, first="same"):
    """S eq. 4.20, and at the picture the z^B rule if ``first`` is "zb"."""
    layers = layers_of(net)
    values = run(layers, x)

    def rule(index, a, relevance):
        if index == 0 and first == "zb":
            return shared_out(layers[index], a, relevance, within(x), 0.0)
        plus = shared_out(layers[index], a, relevance, raising, epsilon, bias)
        minus = shared_out(layers[index], a, relevance, lowering, epsilon, bias)
        return alpha * plus - beta * minus

    return propagated(layers, values, at_logit(values, target), rule)


def lrp_alpha1_beta0(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=1.0, beta=0.0, **settings)


def lrp_alpha2_beta1(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=2.0, beta=1.0, **settings)


def lrp_alpha3_beta2(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=3.0, beta=2.0, **settings)


def lrp_alpha4_beta3(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=4.0, beta=3.0, **settings)


def lrp_alpha5_beta4(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=5.0, beta=4.0, **settings)


def lrp_alpha6_beta5(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=6.0, beta=5.0, **settings)


def lrp_alpha9_beta8(net, x, target, **settings):
    return lrp_alpha_beta(net, x, target, alpha=9.0, beta=8.0, **settings)


def deep_taylor(net, x, target, *, epsilon=1e-6):
    layers = layers_of(net)
    values = run(layers, x)

    def rule(index, a, relevance):
        part = within(x) if index == 0 else raising
        return shared_out(layers[index], a, relevance, part, epsilon)

    return propagated(layers, values, at_logit(values, target), rule)


def winning(net, x, target, layer, negated):
    """p behind the layer of that name, summed over its channels."""
    layers = layers_of(net)
    values = run(layers, x)
    stop = [name for name, *_ in layers].index(layer) + 1

    def rule(index, a, relevance):
        name, kind, weight, bias = layers[index]
        sign = -1.0 if negated and index == len(layers) - 1 else 1.0
        return shared_out((name, kind, sign * weight, bias), a, relevance, raising, 1e-20)

    found = propagated(layers, values, at_logit(values, target, 1.0), rule, stop)
    return found.sum(axis=0, keepdims=True)


def excitation_backprop(net, x, target, *, layer):
    return winning(net, x, target, layer, negated=False)


def cmwp(net, x, target, *, layer):
    found = winning(net, x, target, layer, negated=False)
    return np.maximum(found - winning(net, x, target, layer, negated=True), 0.0)


REFERENCES = {
    "lrp_epsilon": (lrp_epsilon, {"epsilon": 0.25}),
    "lrp_alpha_beta": (
        lrp_alpha_beta,
        {"alpha": 3.5, "beta": 2.5, "epsilon": 0.125, "bias": True},
    ),
    "lrp_alpha1_beta0": (lrp_alpha1_beta0, {}),
    "lrp_alpha2_beta1": (lrp_alpha2_beta1, {}),
    "lrp_alpha3_beta2": (lrp_alpha3_beta2, {}),
    "lrp_alpha4_beta3": (lrp_alpha4_beta3, {"bias": True}),
    "lrp_alpha5_beta4": (lrp_alpha5_beta4, {}),
    "lrp_alpha6_beta5": (lrp_alpha6_beta5, {}),
    "lrp_alpha9_beta8": (lrp_alpha9_beta8, {}),
    "deep_taylor": (deep_taylor, {}),
    "excitation_backprop": (excitation_backprop, {"layer": "conv1"}),
    "cmwp": (cmwp, {"layer": "pool"}),
}
