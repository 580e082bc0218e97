"""APEM as its thesis describes it: one picture, one map, one step after the other."""

from __future__ import annotations

import torch
from torch.nn import functional as F


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


def apem(clf, x, relevance, most=2000):
    """Both counts for one picture [1, 3, H, W] and one map [1, C, H, W] in [0, 1]."""
    s = signs(clf, x)
    weights = relevance.double().expand(1, 3, -1, -1)
    return epsilon(clf, x, s, weights, most), epsilon(clf, x, s, 1 - weights, most)
