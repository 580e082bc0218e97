"""The sanity check written straight from its description, network by network, picture by picture.

A slow twin of ``xai_core.randomization.sanity_check``: nothing is shared between networks,
pictures or methods.
"""

import copy

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch.nn import functional as F

from xai_core.explainers import explain
from xai_core.explainers.choices import parse_column
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomized


def copied(clf, state):
    """A classifier of its own with these weights."""
    module = copy.deepcopy(clf.module)
    module.load_state_dict(copy.deepcopy(state))
    return Classifier(module, clf.class_names, clf.input_size, clf.mean, clf.std)


def drawn_map(clf, picture, target, column, show):
    """One picture's map [H, W] by one network, from -1 to 1 ("all") or from 0 to 1."""
    choice = parse_column(column)
    relevance = explain(clf, picture[None], int(target), choice.method, **choice.settings)
    summed = relevance.double().sum(1, keepdim=True)
    if summed.shape[2:] != clf.input_size:
        summed = F.interpolate(summed, clf.input_size, mode="bilinear", align_corners=False)
    found = summed[0, 0].numpy()
    if show == "positive":
        found = np.where(found > 0, found, 0)
    if show == "absolute":
        found = np.abs(found)
    top = np.abs(found).max()
    return found / top if top > 0 else found


def ssim(one, other, show):
    """SSIM of two maps; NaN for two empty ones."""
    if not one.any() and not other.any():
        return float("nan")
    if show == "all":
        one, other = (one + 1) / 2, (other + 1) / 2
    return structural_similarity(one, other, data_range=1.0, win_size=7)


def sanity_check(clf, x, targets, columns, mode, seeds, shows, start="output", init="default"):
    """SSIM by (image, column, depth, seed, show)."""
    found = {}
    for seed in seeds:
        for depth in range(len(clf.layers()) + 1):
            fresh = randomized(clf, depth, mode, seed, init, start)
            network = copied(clf, fresh.module.state_dict())
            for key, value in _compared(clf, network, x, targets, columns, shows).items():
                image, column, show = key
                found[image, column, depth, seed, show] = value
    return found


def labels_check(clf, other, x, targets, columns, shows):
    """SSIM by (image, column, depth, 0, show), depth 1 being the other network."""
    found = {}
    for depth, network in enumerate((clf, other)):
        for key, value in _compared(clf, network, x, targets, columns, shows).items():
            image, column, show = key
            found[image, column, depth, 0, show] = value
    return found


def _compared(clf, network, x, targets, columns, shows):
    found = {}
    for image, (picture, target) in enumerate(zip(x, targets, strict=True)):
        for column in columns:
            for show in shows:
                before = drawn_map(clf, picture, target, column, show)
                after = drawn_map(network, picture, target, column, show)
                found[image, column, show] = ssim(before, after, show)
    return found


def noisy_maps(clf, x, targets, column, copies, sigma):
    """Maps averaged over noisy copies, [N, h, w]: the same noise for every picture."""
    choice = parse_column(column)
    generator = torch.Generator().manual_seed(0)
    noise = [torch.randn(x.shape[1:], generator=generator, dtype=x.dtype) for _ in range(copies)]
    found = []
    for picture, target in zip(x, targets, strict=True):
        spread = picture.max() - picture.min()
        maps = [
            explain(
                clf,
                (picture + sigma * spread * one)[None],
                int(target),
                choice.method,
                **choice.settings,
            )
            for one in noise
        ]
        found.append((sum(maps) / copies).sum(1)[0].numpy())
    return np.stack(found)
