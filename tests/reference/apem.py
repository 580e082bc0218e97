"""APEM as its thesis describes it: one picture, one map, one step after the other."""

from __future__ import annotations

import torch
from torch.nn import functional as F


def staged(relevance, stage, pixels):
    """The map of one picture, lists [C][H][W], at one of the three stages of A section 4.4."""
    channels, height, width = relevance.shape
    values = sorted(abs(float(value)) for value in relevance.ravel())
    # The 99th percentile, between two values in proportion; without one, nothing is clamped.
    place = 0.99 * (len(values) - 1)
    low = int(place)
    high = min(low + 1, len(values) - 1)
    limit = values[low] + (place - low) * (values[high] - values[low])
    clamped = [
        [
            [
                min(abs(relevance[c, i, j]), limit) if limit else abs(relevance[c, i, j])
                for j in range(width)
            ]
            for i in range(height)
        ]
        for c in range(channels)
    ]
    if stage != "channels":
        one = [
            [sum(clamped[c][i][j] for c in range(channels)) for j in range(width)]
            for i in range(height)
        ]
        clamped = [one]
    if stage == "map*image":
        clamped = [
            [[one[i][j] * pixels[c, i, j] for j in range(width)] for i in range(height)]
            for c in range(3)
        ]
    top = max(value for plane in clamped for row in plane for value in row)
    return [[[value / top if top else 0.0 for value in row] for row in plane] for plane in clamped]


def answer(clf, x):
    """The class of one picture [1, 3, H, W]."""
    with torch.no_grad():
        return int(clf.logits(x).argmax(1))


def signs(clf, x):
    """Signs of the gradient of the predicted class's cross-entropy, for one picture."""
    probe = x.clone().requires_grad_()
    logits = clf.logits(probe)
    loss = F.cross_entropy(logits, logits.detach().argmax(1))
    return torch.autograd.grad(loss, probe)[0].sign()


def step(clf, x, s, weights):
    """One step in the network's input: of length 1 in pixels between 0 and 1."""
    share = (weights / weights.sum()).to(x) * s
    return share if clf.std is None else share / torch.tensor(clf.std).to(x).view(1, 3, 1, 1)


def epsilon(clf, x, s, weights, most):
    """First number of steps with another class; None if there is none up to ``most``."""
    before, one = answer(clf, x), step(clf, x, s, weights)
    for count in range(1, most + 1):
        if answer(clf, x + count * one) != before:
            return count
    return None


def eps_minus(clf, x, relevance, most=2000):
    """Steps along one map [1, C, H, W] in [0, 1] that change the class of one picture."""
    weights = relevance.double().expand(1, 3, -1, -1)
    return epsilon(clf, x, signs(clf, x), weights, most)


def eps_plus(clf, x, relevance, most=2000):
    """The same along its opposite."""
    return eps_minus(clf, x, 1 - relevance.double(), most)


def apem(clf, x, relevance, most=2000):
    """Both counts for one picture [1, 3, H, W] and one map [1, C, H, W] in [0, 1]."""
    return eps_minus(clf, x, relevance, most), eps_plus(clf, x, relevance, most)


def shuffled(relevance, orders):
    """One map [1, C, H, W] for each order of its positions, all channels of a pixel together."""
    maps = []
    for order in orders:
        moved = torch.empty_like(relevance).flatten(2)
        for place, origin in enumerate(order.tolist()):
            moved[:, :, place] = relevance.flatten(2)[:, :, origin]
        maps.append(moved.reshape(relevance.shape))
    return maps


def apem_normalized(clf, x, relevance, orders, most=2000):
    """Both counts, and the first number of steps at which any of the shuffled maps changes it."""
    s = signs(clf, x)
    minus, plus = apem(clf, x, relevance, most)
    maps = [one.double().expand(1, 3, -1, -1) for one in shuffled(relevance, orders)]
    found = [[epsilon(clf, x, s, one, most) for one in maps]]
    found.append([epsilon(clf, x, s, 1 - one, most) for one in maps])
    first = [min((n for n in numbers if n is not None), default=None) for numbers in found]
    return minus, plus, *first


def explanation_filter(clf, x, relevance, most=2000):
    """Algorithm 2: the filtered map, and the metric of every map that was kept."""

    def measured(one):
        minus, plus = apem(clf, x, one, most)
        return None if minus is None or plus is None else plus - minus

    relevance = relevance.double()
    score = measured(relevance)
    scores = [score]
    while score is not None:
        best_map, best = relevance, score
        smallest = best_map[best_map > 0].min()
        relevance = torch.where(best_map == smallest, 0.0, best_map)
        if not relevance.any():
            return best_map, scores
        score = measured(relevance)
        if score is None or score < best:
            return best_map, scores
        scores.append(score)
    return relevance, scores
