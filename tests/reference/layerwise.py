"""A network of convolutions, ReLUs, max-pools and linear layers, run and led back in loops.

Plain numpy in float64, one picture at a time, one layer after the other, so that every rule
of the methods below can be read off its formula. It takes an ``nn.Sequential``.
"""

import numpy as np
from torch import nn


def layers_of(net):
    """[(name, kind, weight, bias)] of a Sequential of the kinds named above."""
    found = []
    for name, layer in net.named_children():
        kind = type(layer).__name__
        weighted = isinstance(layer, nn.Conv2d | nn.Linear)
        weight = layer.weight.detach().numpy() if weighted else None
        found.append((name, kind, weight, layer.bias.detach().numpy() if weighted else None))
    return found


def run(layers, x):
    """Input of every layer, and behind them the output of the last: len(layers) + 1 arrays."""
    values = [x]
    for _, kind, weight, bias in layers:
        values.append(FORWARD[kind](values[-1], weight, bias))
    return values


def lead_back(layers, values, target, relu_rule, stop=0):
    """Signal at the input of layer number ``stop``, started as one at the target's logit.

    ``relu_rule(a, g)``: what a ReLU with input a makes of the signal g.
    """
    signal = np.zeros_like(values[-1])
    signal[target] = 1.0
    for index in range(len(layers) - 1, stop - 1, -1):
        _, kind, weight, _ = layers[index]
        a = values[index]
        signal = relu_rule(a, signal) if kind == "ReLU" else BACKWARD[kind](a, weight, signal)
    return signal


def gradient_rule(a, g):
    return np.where(a > 0, g, 0.0)


def gradient(layers, x, target):
    return lead_back(layers, run(layers, x), target, gradient_rule)


def windows(height, width):
    """Places of the 2x2 windows of stride 2, as (output place, [input places row by row])."""
    for i in range(height // 2):
        for j in range(width // 2):
            yield (i, j), [(2 * i + u, 2 * j + v) for u in range(2) for v in range(2)]


def winner(channel, places):
    """The largest; the first of them in a tie."""
    best = places[0]
    for place in places[1:]:
        if channel[place] > channel[best]:
            best = place
    return best


def taps(weight, height, width):
    """(output place, kernel place, input place) of a 'same' convolution."""
    size = weight.shape[-1]
    for i in range(height):
        for j in range(width):
            for u in range(size):
                for v in range(size):
                    row, column = i + u - size // 2, j + v - size // 2
                    if 0 <= row < height and 0 <= column < width:
                        yield (i, j), (u, v), (row, column)


def _conv(a, weight, bias):
    out = np.tile(bias[:, None, None], (1, *a.shape[1:])).astype(float)
    for (i, j), (u, v), (row, column) in taps(weight, *a.shape[1:]):
        out[:, i, j] += weight[:, :, u, v] @ a[:, row, column]
    return out


def _conv_back(a, weight, signal):
    out = np.zeros_like(a)
    for (i, j), (u, v), (row, column) in taps(weight, *a.shape[1:]):
        out[:, row, column] += weight[:, :, u, v].T @ signal[:, i, j]
    return out


def _pool(a, weight, bias):
    out = np.zeros((a.shape[0], a.shape[1] // 2, a.shape[2] // 2))
    for channel, pooled in zip(a, out, strict=True):
        for place, inputs in windows(*channel.shape):
            pooled[place] = channel[winner(channel, inputs)]
    return out


def _pool_back(a, weight, signal):
    out = np.zeros_like(a)
    for channel, back, incoming in zip(a, out, signal, strict=True):
        for place, inputs in windows(*channel.shape):
            back[winner(channel, inputs)] += incoming[place]
    return out


FORWARD = {
    "Conv2d": _conv,
    "ReLU": lambda a, weight, bias: np.maximum(a, 0.0),
    "MaxPool2d": _pool,
    "Flatten": lambda a, weight, bias: a.reshape(-1),
    "Linear": lambda a, weight, bias: weight @ a + bias,
}
BACKWARD = {
    "Conv2d": _conv_back,
    "MaxPool2d": _pool_back,
    "Flatten": lambda a, weight, signal: signal.reshape(a.shape),
    "Linear": lambda a, weight, signal: weight.T @ signal,
}
