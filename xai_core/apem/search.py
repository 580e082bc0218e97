"""The first whole number of steps after which the network gives another class.

Every number below it is asked too, because a class may come back. The questions of many pictures
and directions go through the network together. Where the answer of a batch is so close that its
rounding could decide, the picture is asked again alone: the numbers are those of a plain loop.
"""

from __future__ import annotations

import torch
from torch import Tensor

from xai_core.explainers.batches import answer_bytes, batch_size, weight_bytes
from xai_core.models.classifier import Classifier

# Batches and single pictures differ by some roundings of the largest score; this is many times as
# much, and still happens to few.
CLOSE = 2000


def first_changes(
    clf: Classifier, x: Tensor, classes: Tensor, steps: Tensor, most: int
) -> list[int | None]:
    """How often a step must be taken until the class changes for the first time.

    Args:
        clf: the classifier.
        x: where each search begins, [N, 3, H, W].
        classes: the class that it begins with, int64 [N].
        steps: [N, M, 3, H, W]; the first of a picture's M directions to change decides.
        most: the largest number that is tried.

    Returns:
        For each picture the number, 1 to ``most``, or None.
    """
    found: list[int | None] = [None] * len(x)
    size = batch_size(x, answer_bytes(clf, x), weight_bytes(clf))
    directions = steps.shape[1]
    open_, begin = list(range(len(x))), 1
    while open_ and begin <= most:
        each = min(max(1, size // (directions * len(open_))), most + 1 - begin)
        rows = [
            (i, e, d) for i in open_ for e in range(begin, begin + each) for d in range(directions)
        ]
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            images, times, ways = (torch.tensor(column) for column in zip(*part, strict=True))
            probes = x[images] + times.to(x)[:, None, None, None] * steps[images, ways]
            changed = _changed(clf, probes, classes[images])
            for (image, epsilon, _), change in zip(part, changed, strict=True):
                if change and found[image] is None:
                    found[image] = epsilon
        open_ = [image for image in open_ if found[image] is None]
        begin += each
    return found


@torch.no_grad()
def _changed(clf: Classifier, probes: Tensor, classes: Tensor) -> list[bool]:
    """Whether the network gives each probe [B, 3, H, W] another class, as if asked alone."""
    logits = clf.logits(probes)
    own = logits.gather(1, classes[:, None])
    others = logits.scatter(1, classes[:, None], -torch.inf).amax(1, keepdim=True)
    rounding = CLOSE * torch.finfo(logits.dtype).eps * logits.abs().amax(1, keepdim=True)
    answers = (own < others)[:, 0]
    # So written, scores that are no numbers are asked again too.
    close = ~((own - others).abs() > rounding)[:, 0]
    for index in close.nonzero()[:, 0].tolist():
        alone = clf.logits(probes[index : index + 1]).argmax(1)
        answers[index] = alone[0] != classes[index]
    return [bool(answer) for answer in answers.tolist()]
