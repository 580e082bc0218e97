"""PatternAttribution: relevance along the directions in which pictures carry the signal.

Notation: a neuron of a convolution or linear layer gives y = w.x + b for its inputs x. Its
pattern a tells how the inputs vary together with y: they are a y, the signal, and a rest, the
distractor, which w filters out and which an explanation should not show.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from cachetools import LRUCache
from numpy.typing import NDArray
from torch import Tensor

from xai_core.cache import Cache, Result, content_key, default_folder
from xai_core.errors import MethodError
from xai_core.explainers.baselines import reference_count, reference_pictures
from xai_core.explainers.double_precision import in_float64, read_exactly
from xai_core.explainers.graph import Graph, Rule, gradient, lead_back
from xai_core.explainers.nodes import Adding, Affine, Averaging, Node, Rectifier, Subtracting
from xai_core.explainers.pattern_estimation import Patterns, estimate, layer_names
from xai_core.explainers.pattern_files import stored_patterns
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import at_logits, common_rules
from xai_core.explainers.settings import BASELINES, CHUNK
from xai_core.models.classifier import Classifier

KEPT_BYTES = 2 * 2**30  # on the disk
REMEMBERED = 2  # sets of patterns that are remembered; each is as large as the model's weights


@register(
    title="PatternAttribution",
    family="relevance",
    signed=True,
    citation="Kindermans et al. 2018, arXiv:1705.05598",
    shows="Where the picture holds what the score responds to, as far as other pictures tell "
    "this apart from what the model uses only to filter out disturbances.",
    formula=r"r^{(l-1)} = (W \odot A_{+})^{\top} r^{(l)}, \quad "
    r"a_{+} = \frac{\mathbb{E}_{+}[x y] - \mathbb{E}_{+}[x]\, \mathbb{E}[y]}"
    r"{\mathbb{E}_{+}[y^2] - \mathbb{E}_{+}[y]\, \mathbb{E}[y]}",
    warning="Depends on the pictures from which the patterns are estimated; the paper takes them "
    "from the training set (Kindermans et al. 2018), and so do the embedded models. For other "
    "models they come from 64 crops of sample pictures unless others are given. These are too "
    "few: maps of VGG-tiny from them correlate at 0.40 to 0.93 with those from 512 validation "
    "pictures, while two sets of 512 agree at 0.98 and more. Give at least 512 pictures. The map "
    "does not add up to the score: what comes to inactive neurons ends there, at every layer.",
    params=(
        replace(
            BASELINES,
            default="auto",
            help="Pictures from which the patterns are estimated: the model's training pictures "
            "if it brings their patterns, 64 crops of the sample pictures, or a tensor; auto: "
            "the first, or else the second. The first serves the trained weights only, "
            "not destroyed networks; auto in a sanity check is the second.",
            choices=("auto", "training", "samples"),
        ),
        CHUNK,
    ),
    float64=True,
    # The patterns; a second picture costs one pass only.
    cost=lambda settings: 2.0 * reference_count(settings["baselines"]),
)
def pattern_attribution(
    clf: Classifier,
    x: Tensor,
    targets: Tensor,
    *,
    baselines: str | Tensor = "auto",
    chunk: int = 0,
) -> Tensor:
    """Logit led back by the chain rule, with w * a in the place of every weight w.

    Patterns come from a set of pictures, see ``estimate``; the last two sets are remembered,
    by the contents of model and pictures. A convolution or linear layer that only ReLUs read
    has the two-component estimator a+, any other the linear one. BatchNorm is folded; one that
    cannot be folded, and products with constants, pass the signal on as it is: for a neuron of
    one input, y = w x, the pattern is 1 / w, and w a = 1. ReLU, pooling and additions follow
    the chain rule. Patterns and relevance are computed in float64, whatever the model's type.

    Source: Kindermans et al. 2018, arXiv:1705.05598.
    Differs from the paper, which leaves biases out: see ``estimate``.

    Args:
        clf: the classifier.
        x: network input, [N, 3, H, W].
        targets: explained classes, int64 [N].
        baselines: pictures from which the patterns are estimated: "training" (the model's own,
            whose patterns lie in a file beside its weights), "samples" (64 crops of the sample
            pictures), "auto" (the first where there is such a file for these very weights, else
            the second; a sanity check takes it for every network), or an input tensor
            [B, 3, H, W].
        chunk: pictures that go through the model at once for that; 0 for what memory allows.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a step without a rule, such as a product or an activation other than ReLU,
            baselines of another shape, or "training" where the model brings no patterns.
        ModelError: the file with patterns is damaged.
    """
    with torch.no_grad():
        graph = read_exactly(clf, x, True, "PatternAttribution")
        patterns = None
        if isinstance(baselines, str) and baselines != "samples":
            patterns = _brought(clf, graph, baselines)
            baselines = "samples"
        if patterns is None:
            pictures = reference_pictures(clf, x, baselines)
            patterns = _remembered(clf, graph, pictures, chunk)
        return propagate(graph, targets, patterns).to(x)


def _brought(clf: Classifier, graph: Graph, baselines: str) -> Patterns | None:
    """The patterns of the model's file; None if there is none for its weights and "auto"."""
    stored = stored_patterns(clf)
    if stored is not None:
        return {number: stored[name] for number, name in layer_names(graph).items()}
    if baselines == "training":
        raise MethodError(
            f"{clf.title} brings no patterns of its training pictures for these weights; "
            "choose samples, or give at least 512 pictures as baselines."
        )
    return None


def propagate(graph: Graph, targets: Tensor, patterns: Patterns) -> Tensor:
    """Relevance of each input.

    Args:
        graph: the recorded network, with BatchNorm folded.
        targets: explained classes, int64 [N].
        patterns: of every layer.

    Returns:
        Logits, [N, 3, H, W].

    Raises:
        MethodError: a step without a rule.
    """

    def affine(node: Affine, signal: Tensor) -> tuple[Tensor]:
        weight = node.weight * patterns[node.output]
        return (node.back(signal, weight, graph.values[node.inputs[0]]),)

    def rectified(node: Rectifier, signal: Tensor) -> tuple[Tensor]:
        return (node.passed(signal, graph.values[node.inputs[0]]),)

    chained = (Averaging, Adding, Subtracting)
    rules: dict[type[Node], Rule] = {
        **common_rules(graph),
        Affine: affine,
        Rectifier: rectified,
        **dict.fromkeys(chained, partial(gradient, graph)),
    }
    return lead_back(graph, at_logits(graph, targets), rules, "PatternAttribution")[0]


_known: LRUCache[str, Patterns] = LRUCache(REMEMBERED)
_lock = threading.Lock()


def _remembered(clf: Classifier, graph: Graph, pictures: Tensor, chunk: int) -> Patterns:
    """``estimate``, or what it gave for the same model and pictures before, here or on the disk."""
    # Networks with the same weights may still go other ways.
    steps = [(node.label, type(node).__name__, node.inputs, node.output) for node in graph.nodes]
    # Of a new twin, which hashes the weights as they are now: 0.5 seconds for a gigabyte.
    fingerprint = clf.private().fingerprint
    pixels = pictures.cpu().contiguous().view(torch.uint8)
    key = content_key(fingerprint, repr(steps), str(clf.device), pixels)
    with _lock:
        known: Patterns | None = _known.get(key)
    if known is not None:
        return known
    kept = Cache(default_folder() / "patterns", KEPT_BYTES, memory_bytes=0)
    found = kept.get(key)
    if found is None:
        # Rounded to the model's own type, so that they take no more memory than its weights.
        exact = estimate(in_float64(clf), pictures.double(), chunk)
        patterns = {number: values.to(pictures) for number, values in exact.items()}
        kept.put(key, Result({str(number): _plain(one) for number, one in patterns.items()}))
    else:
        arrays = found.arrays.items()
        patterns = {int(number): torch.from_numpy(one).to(pictures) for number, one in arrays}
    with _lock:
        _known[key] = patterns
    return patterns


def _plain(values: Tensor) -> NDArray[np.floating]:
    """The same numbers in a type that files have."""
    wide = values if values.dtype == torch.float64 else values.float()
    return wide.cpu().numpy()
