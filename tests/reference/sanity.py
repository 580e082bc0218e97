"""The sanity check written straight from its description, network by network, picture by picture.

A slow twin of ``xai_core.randomization.sanity_check``: nothing is shared between networks,
pictures or methods.
"""

import copy
import math

import numpy as np
import torch
from skimage.metrics import structural_similarity
from torch.nn import functional as F

from xai_core.explainers import explain
from xai_core.explainers.choices import parse_column
from xai_core.models.classifier import Classifier
from xai_core.randomization import randomized

# Columns whose maps have no negative values, by their definitions: behind a ReLU, or a length.
UNSIGNED = {"gradcam", "gradcam_pp", "edges", "random"}


def copied(clf, state):
    """A classifier of its own with these weights."""
    module = copy.deepcopy(clf.module)
    module.load_state_dict(copy.deepcopy(state))
    return Classifier(module, clf.class_names, clf.input_size, clf.mean, clf.std)


def relevance(clf, picture, target, column):
    """One picture's relevance by one network, [C, H, W], as large as the input."""
    choice = parse_column(column)
    found = explain(clf, picture[None], int(target), choice.method, **choice.settings).double()
    if found.shape[2:] != clf.input_size:
        found = F.interpolate(found, clf.input_size, mode="bilinear", align_corners=False)
    return found[0].numpy()


def drawn(found, show):
    """One map [H, W] of [C, H, W]: from -1 to 1 ("all") or from 0 to 1, the largest value 1."""
    _, height, width = found.shape
    values = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            channels = [float(value) for value in found[:, i, j]]
            if show == "absolute":
                values[i, j] = math.fsum(abs(value) for value in channels)
            else:
                values[i, j] = math.fsum(channels)
                if show == "positive" and values[i, j] < 0:
                    values[i, j] = 0
    top = np.abs(values).max()
    return values / top if top > 0 else values


def ssim(one, other, show, signed=True):
    """SSIM of two maps; NaN for two empty ones."""
    if not one.any() and not other.any():
        return float("nan")
    if show == "all" and signed:
        one, other = (one + 1) / 2, (other + 1) / 2
    return structural_similarity(one, other, data_range=1.0, win_size=7)


def sanity_check(
    clf,
    x,
    targets,
    columns,
    mode,
    seeds,
    shows,
    start="output",
    init="default",
    predicted=(),
):
    """SSIM by (image, column, depth, seed, show).

    Of the columns in ``predicted``, a destroyed network explains what it predicts itself.
    """
    found = {}
    for seed in seeds:
        for depth in range(len(clf.layers()) + 1):
            fresh = randomized(clf, depth, mode, seed, init, start)
            network = copied(clf, fresh.module.state_dict())
            own = predicted if depth else ()
            found |= _compared(clf, network, x, targets, columns, shows, depth, seed, own)
    return found


def labels_check(clf, other, x, targets, columns, shows, predicted=()):
    """SSIM by (image, column, depth, 0, show), depth 1 being the other network."""
    same = _compared(clf, clf, x, targets, columns, shows, 0, 0)
    return same | _compared(clf, other, x, targets, columns, shows, 1, 0, predicted)


def _compared(clf, network, x, targets, columns, shows, depth, seed, predicted=()):
    found = {}
    for image, (picture, target) in enumerate(zip(x, targets, strict=True)):
        for column in columns:
            before = relevance(clf, picture, target, column)
            logits = network.logits(picture[None])[0].tolist()
            after_class = logits.index(max(logits)) if column in predicted else target
            after = relevance(network, picture, after_class, column)
            for show in shows:
                score = ssim(drawn(before, show), drawn(after, show), show, column not in UNSIGNED)
                found[image, column, depth, seed, show] = score
    return found


def noisy_maps(clf, x, targets, column, copies, sigma):
    """Relevance averaged over copies, [N, C, h, w]: the same noise for every picture.

    As in the code of Hedström et al. 2024, the last of the copies is the picture itself.
    """
    choice = parse_column(column)
    generator = torch.Generator().manual_seed(0)
    noise = []
    for copy_number in range(copies):
        last = copy_number == copies - 1
        drawn_noise = torch.randn(x.shape[1:], generator=generator, dtype=x.dtype)
        noise.append(torch.zeros_like(drawn_noise) if last else drawn_noise)
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
        found.append((sum(maps) / copies)[0].numpy())
    return np.stack(found)
