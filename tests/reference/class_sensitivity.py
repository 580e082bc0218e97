"""Maps of several classes compared as S section 7.3 does it: pair by pair, pixel by pixel."""

import math

import torch
from torch.nn import functional as F

from tests.reference import similarity
from tests.reference.sanity import drawn, ssim


def enlarged(relevance, size):
    """One map [C, H, W] at the resolution of the picture."""
    tensor = torch.tensor(relevance, dtype=torch.float64)[None]
    if tensor.shape[2:] != size:
        tensor = F.interpolate(tensor, size, mode="bilinear", align_corners=False)
    return tensor[0].numpy()


def compare_classes(maps, size, signed, shows):
    """SSIM and both rank correlations by (measure, show, one, other), of every two maps."""
    found = {}
    for show in shows:
        shown = [drawn(enlarged(one, size), show) for one in maps]
        for i in range(len(maps)):
            for j in range(i + 1, len(maps)):
                pair = shown[i], shown[j]
                found["ssim", show, i, j] = ssim(*pair, show, signed)
                found["spearman", show, i, j] = similarity.spearman(*pair)
                found["spearman_absolute", show, i, j] = similarity.spearman_absolute(*pair)
    return found


def inside(relevance, size, part):
    """The share of a map's positive relevance, summed over channels, that lies in the part."""
    whole, own = [], []
    large = enlarged(relevance, size)
    for i in range(size[0]):
        for j in range(size[1]):
            value = max(0.0, math.fsum(large[:, i, j]))
            whole.append(value)
            own.append(value if part[i][j] else 0.0)
    return math.fsum(own) / math.fsum(whole)
