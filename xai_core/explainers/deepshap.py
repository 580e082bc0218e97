"""DeepSHAP: DeepLIFT averaged over many baselines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

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
    pictures = reference_pictures(clf, x, baselines)
    size = chunk or _size(clf, x, targets)
    total = torch.zeros_like(x)
    done = 0
    for start in range(0, len(x), size):
        some = slice(start, start + size)
        for relevance in _by_baselines(clf, x, some, pictures, targets[some], size):
            total[some] += relevance.sum(0)
            done += relevance.shape[0] * relevance.shape[1]
            advance(done, len(x) * len(pictures))
    return total / len(pictures)


def _size(clf: Classifier, x: Tensor, targets: Tensor) -> int:
    """Pictures at once: the quickest number that fits in memory."""
    cost = gradient_bytes(clf, x, targets)
    return max(1, min(batch_size(x, cost), allowed_bytes() // (GRADIENTS * cost)))


def _by_baselines(
    clf: Classifier, x: Tensor, some: slice, baselines: Tensor, targets: Tensor, size: int
) -> Iterator[Tensor]:
    """Relevance of some pictures for some baselines after the other, [P, n, 3, H, W]."""
    with torch.no_grad():
        graph = read_shared(clf, x) if len(x) <= size else read(record(clf, x[some]))
    for block in torch.split(baselines, size):
        yield from _of_block(graph, values_at(clf, block, graph), targets, size)


def _of_block(
    graph: Graph, values: Sequence[Tensor], targets: Tensor, size: int
) -> Iterator[Tensor]:
    """The same for baselines at which every value of the network is known, [B, ...]."""
    x = graph.values[0]
    pairs = max(1, size // len(x))
    for start in range(0, len(values[0]), pairs):
        origins = [value[start : start + pairs, None] for value in values]
        found = multipliers(graph, origins, targets, TITLE)
        yield (x - origins[0]) * found
