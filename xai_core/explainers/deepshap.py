"""DeepSHAP: DeepLIFT averaged over many baselines."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from xai_core.device import pieces
from xai_core.explainers.baselines import Baseline, reference_count, reference_pictures
from xai_core.explainers.batches import batch_size, gradient_bytes
from xai_core.explainers.graph import Graph, read, read_shared
from xai_core.explainers.memory import allowed_bytes
from xai_core.explainers.recorded import record
from xai_core.explainers.registry import register
from xai_core.explainers.rescale import multipliers, values_at
from xai_core.explainers.settings import BASELINES, CHUNK
from xai_core.models.classifier import Classifier
from xai_core.progress import advance

TITLE = "DeepSHAP"
# What a picture, a baseline and the way back of their pair take at once, in memory of a gradient.
GRADIENTS = 5


@register(
    title=TITLE,
    family="path",
    signed=True,
    citation="Lundberg & Lee 2017, arXiv:1705.07874",
    shows="How the difference in score between usual pictures and this one is shared out among "
    "the pixels, layer by layer.",
    formula=r"R = \frac{1}{B} \sum_{b=1}^{B} (x - x_b) \odot m_b, \quad "
    r"\sum R = f_y(x) - \frac{1}{B} \sum_{b=1}^{B} f_y(x_b)",
    warning="Close to Shapley values only where the layers hardly interact; it takes colours to "
    "be independent of each other (Lundberg & Lee 2017, section 4.2).",
    params=(BASELINES, CHUNK),
    cost=lambda settings: float(reference_count(settings["baselines"])),
)
def deepshap(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    baselines: Baseline = "samples",
    chunk: int = 0,
) -> Tensor:
    """Mean of DeepLIFT (Rescale rule) over baselines; it sums to f_y(x) - mean f_y(x_b).

    Picture and baselines go through the network once each, not once a pair (the baselines once
    for every ``chunk`` pictures). Only multipliers go back for every pair, and these only from
    the last step that is not linear on: above it, they are the same for all baselines.

    Source: Lundberg & Lee 2017, arXiv:1705.07874; Shrikumar et al. 2017, arXiv:1704.02685.
    Differs from Captum 0.9: its rule for max-pooling is lost where a ReLU feeds it directly.
    Differs from Captum and SHAP: they take the baselines from the caller, who has to choose.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        baselines: "samples" (64 crops of the sample pictures) or network input [B, 3, H, W].
        chunk: pictures, baselines, and pairs of both that go through the model at once; 0 for
            what memory allows.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a step without a rule (products, softmax, LayerNorm), by name; or
            baselines of another size.
    """
    origins = reference_pictures(clf, x, baselines)
    size = chunk or _size(clf, x, targets)
    total = torch.zeros_like(x)

    def sums(start: int, end: int) -> Tensor:
        return _sums(clf, x, slice(start, end), origins, targets[start:end], size)

    for start, end, found in pieces(len(x), size, sums):
        total[start:end] = found
    return total / len(origins)


def _size(clf: Classifier, x: Tensor, targets: Tensor) -> int:
    """Pictures at once: the quickest number that fits in memory."""
    cost = gradient_bytes(clf, x, targets)
    return max(1, min(batch_size(x, cost), allowed_bytes(x.device) // (GRADIENTS * cost)))


def _sums(
    clf: Classifier, x: Tensor, some: slice, origins: Tensor, targets: Tensor, size: int
) -> Tensor:
    """Relevance of some pictures, summed over all baselines [B, 3, H, W], [P, 3, H, W]."""
    with torch.no_grad():
        whole = some == slice(0, len(x))
        graph = read_shared(clf, x) if whole else read(record(clf, x[some]))
    total = torch.zeros_like(x[some])

    def sums(start: int, end: int) -> Tensor:
        values = values_at(clf, origins[start:end], graph)
        done = some.start * len(origins) + start * len(total)
        return _of_block(graph, values, targets, size, done, len(x) * len(origins))

    for _, _, found in pieces(len(origins), size, sums):
        total += found
    return total


def _of_block(
    graph: Graph, values: Sequence[Tensor], targets: Tensor, size: int, done: int, whole: int
) -> Tensor:
    """The same for baselines at which every value of the network is known, [B, ...].

    ``done`` pairs of ``whole`` were explained before.
    """
    x = graph.values[0]
    total = torch.zeros_like(x)

    def parts(start: int, end: int) -> Tensor:
        origins = [value[start:end, None] for value in values]
        found = (x - origins[0]) * multipliers(graph, origins, targets, TITLE)
        return found.sum(0)

    for _, end, found in pieces(len(values[0]), max(1, size // len(x)), parts):
        total += found
        advance(done + end * len(x), whole)
    return total
