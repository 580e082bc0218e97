"""Many passes through the network, in batches that fit in memory.

A method that averages over draws (noisy copies, points of a path, masks) has one work item
for every draw and image. ``batches`` puts the items of all images in one row, draw by draw,
and cuts it into batches:

    def of(batch: Batch) -> Tensor:
        return explained(x[batch.images] + ..., targets[batch.images])

    size = chunk or batch_size(x, gradient_bytes(clf, x, targets), weight_bytes(clf))
    for batch, relevance in batches(x, draws, size, of):
        batch.add(total, relevance)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from xai_core.device import pieces
from xai_core.explainers.memory import allowed_bytes, bytes_of
from xai_core.explainers.passes import logit_gradient
from xai_core.models.classifier import Classifier
from xai_core.progress import advance

# Measured on processors of servers, with memory that is kept (``allocation``): a picture is
# quickest where its batch stays within the caches, or weighs as much as the weights, which every
# batch reads anew, up to the larger number; but a batch of eight is quicker than a smaller one, by
# a quarter than one of two, also where it does not fit. Where memory is not kept, still larger
# ones take up to twice as long.
CACHE_BYTES = (64 * 2**20, 128 * 2**20)
CACHED_BATCH = (8, 64)
# On other devices; no more than ``chunk`` may be set to.
MOST = 1024
# Copies of an item that its making takes beside the pass: points, draws, relevance, sums.
COPIES = 8

Made = TypeVar("Made")

_costs: WeakKeyDictionary[nn.Module, dict[object, int]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Batch:
    """Some of the work items.

    Attributes:
        images: index of the image of each item, int64 [B].
        draws: number of the draw of each item, int64 [B], ascending.
        rows: (draw, images, items) for each of the draws: its images here and where their
            items are, as slices.
    """

    images: Tensor
    draws: Tensor
    rows: tuple[tuple[int, slice, slice], ...]

    def add(self, total: Tensor, values: Tensor) -> None:
        """Add the items' ``values`` [B, ...] to their images in ``total`` [N, ...].

        Draw by draw in their order, so that the batches' size does not show in the sum.
        """
        for _, images, items in self.rows:
            total[images] += values[items]


def batches(
    x: Tensor, draws: int, size: int, of: Callable[[Batch], Made]
) -> Iterator[tuple[Batch, Made]]:
    """All work items, in equal batches as far as they go; tells the progress after each.

    Args:
        x: network input, [N, 3, H, W].
        draws: work items of each image.
        size: most items of a batch; where memory is too little they become smaller.
        of: what is computed of a batch. It may be asked for part of it once more.

    Yields:
        Each batch with what ``of`` gave.

    Raises:
        RuntimeError, DeviceMemoryError: there is not enough memory for one item.
    """
    count = len(x)

    def run(start: int, end: int) -> tuple[Batch, Made]:
        items = torch.arange(start, end, device=x.device)
        batch = Batch(items % count, items // count, _rows(start, end, count))
        return batch, of(batch)

    for _, end, made in pieces(count * draws, size, run):
        yield made
        advance(end, count * draws)


def _rows(start: int, end: int, count: int) -> tuple[tuple[int, slice, slice], ...]:
    found = []
    for draw in range(start // count, (end - 1) // count + 1):
        first, last = max(start, draw * count), min(end, (draw + 1) * count)
        images = slice(first - draw * count, last - draw * count)
        found.append((draw, images, slice(first - start, last - start)))
    return tuple(found)


def gradient_bytes(clf: Classifier, x: Tensor, targets: Tensor) -> int:
    """Memory that one picture's gradient takes, measured once for a model and size of picture."""

    def ready() -> Callable[[], object]:
        gradient = logit_gradient(clf)
        return lambda: gradient(x[:1], targets[:1])

    return _measured(clf, x, "gradient", ready)


def answer_bytes(clf: Classifier, x: Tensor) -> int:
    """The same for one picture's logits, without a gradient."""
    with torch.no_grad():
        return _measured(clf, x, "answer", lambda: lambda: clf.logits(x[:1]))


def _measured(
    clf: Classifier, x: Tensor, what: str, ready: Callable[[], Callable[[], object]]
) -> int:
    known = _costs.setdefault(clf.module, {})
    key = (what, tuple(x.shape[1:]), x.dtype, x.device)
    if key not in known:
        known[key] = bytes_of(ready())
    return known[key]


def weight_bytes(clf: Classifier) -> int:
    """What the weights of a model take."""
    return sum(weights.nbytes for weights in clf.module.parameters())


def batch_size(x: Tensor, picture_bytes: int, weights: int = 0) -> int:
    """Pictures that go through the model at once: the quickest number that memory allows.

    It is at least one picture, however little memory there is.

    Args:
        x: network input, [N, 3, H, W]; its size, type and device are taken.
        picture_bytes: what a pass takes for one picture.
        weights: ``weight_bytes`` of the model, if a pass reads all of them.

    Raises:
        MethodError: ``XAI_MEMORY`` cannot be read.
    """
    cost = picture_bytes + COPIES * x[0].nbytes
    fits = allowed_bytes(x.device) // cost
    if x.device.type == "cpu":
        (least, most), (lower, upper) = CACHED_BATCH, CACHE_BYTES
        cached = min(max(lower, weights), upper) // cost
        fits = min(fits, max(least, min(most, cached)))
    return max(1, min(fits, MOST))


@dataclass
class Drawn:
    """Random tensors, drawn one after the other as the batches come to need them.

    Every image meets the same draws, so neither its neighbours nor the batches' size change
    its result.

    Attributes:
        draw: makes the next one.
    """

    draw: Callable[[], Tensor]
    _kept: list[Tensor] = field(default_factory=list)
    _first: int = 0

    def of(self, batch: Batch) -> Tensor:
        """The draw of each item, [B, ...]; batches come in order, or the same one again."""
        first, last = batch.rows[0][0], batch.rows[-1][0]
        self._kept = self._kept[first - self._first :]
        self._first = first
        self._kept += [self.draw() for _ in range(last + 1 - first - len(self._kept))]
        return torch.stack(self._kept[: last + 1 - first])[batch.draws - first]
