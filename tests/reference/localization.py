"""The localisation measures as their papers describe them: one picture, plain loops."""

from __future__ import annotations

import math

import torch
from torch.nn import functional as F


def places(map_):
    """Row, column and positive part of every pixel, in reading order."""
    return [
        (row, column, max(float(map_[row][column]), 0.0))
        for row in range(len(map_))
        for column in range(len(map_[0]))
    ]


def hits(mask, row, column, tolerance):
    """Whether a pixel of the mask lies within the distance."""
    return any(
        mask[i][j] and (i - row) ** 2 + (j - column) ** 2 <= tolerance**2
        for i in range(len(mask))
        for j in range(len(mask[0]))
    )


def pointing_game(map_, mask, tolerance):
    """Of the pixels that are as high as the highest, the share that hits."""
    top = max(value for _, _, value in places(map_))
    peaks = [(row, column) for row, column, value in places(map_) if value == top]
    return sum(hits(mask, *peak, tolerance) for peak in peaks) / len(peaks)


def stochastic_pointing_game(map_, mask, tolerance, numbers):
    """Share of hits of one point for each random number in [0, 1)."""
    total = sum(value for _, _, value in places(map_))
    found = 0
    for number in numbers:
        below = 0.0
        for row, column, value in places(map_):
            below += value
            if number * total < below:
                found += hits(mask, row, column, tolerance)
                break
    return found / len(numbers)


def content_heatmap(map_, mask):
    """Relevance inside over all of it."""
    total = math.fsum(value for _, _, value in places(map_))
    return math.fsum(value for i, j, value in places(map_) if mask[i][j]) / total


def negative_quadrants(map_, quadrant):
    """Relevance outside of the quadrant over all of it, each pixel cut into two by two parts."""
    height, width = len(map_), len(map_[0])
    outside = []
    for row, column, value in places(map_):
        for down in (0, 1):
            for right in (0, 1):
                below, beside = 2 * row + down >= height, 2 * column + right >= width
                if 2 * below + beside != quadrant:
                    outside.append(value / 4)
    return math.fsum(outside) / math.fsum(value for _, _, value in places(map_))


def region(map_, threshold):
    """Pixels that reach the share of the maximum, in reading order."""
    top = max(value for _, _, value in places(map_))
    return [(i, j) for i, j, value in places(map_) if value > 0 and value >= threshold * top]


def largest_component(pixels):
    """Flood fill over eight neighbours; the first of the largest parts."""
    left, best = list(pixels), []
    while left:
        part = [left.pop(0)]
        for row, column in part:
            near = [(i, j) for i, j in left if abs(i - row) <= 1 and abs(j - column) <= 1]
            part += near
            left = [pixel for pixel in left if pixel not in near]
        if len(part) > len(best):
            best = part
    return best


def box(pixels):
    """x0, y0, x1, y1 around them."""
    rows, columns = [i for i, _ in pixels], [j for _, j in pixels]
    return min(columns), min(rows), max(columns) + 1, max(rows) + 1


def box_iou(map_, truth, threshold):
    """Pixels in both boxes over pixels in either."""
    found = box(largest_component(region(map_, threshold)))

    def within(corners, i, j):
        return corners[0] <= j < corners[2] and corners[1] <= i < corners[3]

    both = [(within(found, i, j), within(truth, i, j)) for i, j, _ in places(map_)]
    return sum(a and b for a, b in both) / sum(a or b for a, b in both)


def pxap(map_, mask):
    """Sum over all thresholds, from the highest, of precision times the gain in recall."""
    pixels = [(value, mask[i][j]) for i, j, value in places(map_)]
    objects = sum(inside for _, inside in pixels)
    area, recall = 0.0, 0.0
    for threshold in sorted({value for value, _ in pixels}, reverse=True):
        chosen = [inside for value, inside in pixels if value >= threshold]
        gained = sum(chosen) / objects
        area += sum(chosen) / len(chosen) * (gained - recall)
        recall = gained
    return area


def pxap_pooled(maps, masks):
    """The same over the pixels of all maps, each divided by its maximum, and 1,000 thresholds."""
    pixels = []
    for map_, mask in zip(maps, masks, strict=True):
        top = max(value for _, _, value in places(map_))
        pixels += [(value / top, mask[i][j]) for i, j, value in places(map_)]
    objects = sum(inside for _, inside in pixels)
    area, recall = 0.0, 0.0
    for step in reversed(range(1000)):
        chosen = [inside for value, inside in pixels if value >= step / 1000]
        if chosen:
            gained = sum(chosen) / objects
            area += sum(chosen) / len(chosen) * (gained - recall)
            recall = gained
    return area


def saliency_metric(clf, x, y, relevance, threshold):
    """log(max(a, 0.05)) - log(p) of one picture [1, 3, H, W] and one map [1, C, H, W]."""
    x0, y0, x1, y1 = box(region(relevance[0].double().sum(0).tolist(), threshold))
    area = (x1 - x0) * (y1 - y0) / (x.shape[2] * x.shape[3])
    crop = x[:, :, y0:y1, x0:x1]
    with torch.no_grad():
        logits = clf.logits(F.interpolate(crop, x.shape[2:], mode="bilinear"))[0].tolist()
    if clf.outputs == "softmax":
        p = math.exp(logits[y]) / math.fsum(math.exp(logit) for logit in logits)
    else:
        p = 1 / (1 + math.exp(-logits[y]))
    return math.log(max(area, 0.05)) - math.log(p)
