"""PatternAttribution: relevance along the directions in which pictures carry the signal.

Notation: a neuron of a convolution or linear layer gives y = w.x + b for its inputs x. Its
pattern a tells how the inputs vary together with y: they are a y, the signal, and a rest, the
distractor, which w filters out and which an explanation should not show.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from xai_core.cache import content_key
from xai_core.errors import MethodError
from xai_core.explainers.baselines import reference_count, reference_pictures
from xai_core.explainers.double_precision import in_float64, read_exactly
from xai_core.explainers.graph import Graph, Rule, gradient, lead_back, read
from xai_core.explainers.memory import allowed_bytes, bytes_of
from xai_core.explainers.nodes import Adding, Affine, Averaging, Node, Rectifier, Subtracting
from xai_core.explainers.pattern_files import stored_patterns
from xai_core.explainers.recorded import record
from xai_core.explainers.registry import register
from xai_core.explainers.relevance import at_logits, common_rules
from xai_core.explainers.settings import BASELINES, CHUNK
from xai_core.models.classifier import Classifier
from xai_core.progress import advance

# Pattern of every neuron of a layer, as its weight, by the number of the value it gives.
Patterns = dict[int, Tensor]
KEPT = 2  # sets of patterns that are remembered; each is as large as the model's weights


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
        return {number: stored[name] for number, name in _names(graph).items()}
    if baselines == "training":
        raise MethodError(
            f"{clf.title} brings no patterns of its training pictures for these weights; "
            "choose samples, or give at least 512 pictures as baselines."
        )
    return None


def estimate_by_layer(clf: Classifier, pictures: Tensor, chunk: int = 0) -> dict[str, Tensor]:
    """``estimate``, by the dotted names of the layers, to be kept in a file.

    Raises:
        MethodError: a layer runs more than once.
    """
    found = estimate(in_float64(clf), pictures.double(), chunk)
    with torch.no_grad():
        names = _names(read(record(clf, pictures[:1])))
    return {names[number]: pattern for number, pattern in found.items()}


def _names(graph: Graph) -> dict[int, str]:
    """The layer behind each ``Affine`` node, by the number of its output."""
    names = {node.output: node.step.layer for node in _layers(graph)}
    if len(set(names.values())) < len(names):
        raise MethodError("A layer runs more than once, and patterns in a file go by the layer.")
    return names


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


def estimate(clf: Classifier, pictures: Tensor, chunk: int) -> Patterns:
    """Patterns of every neuron of every layer.

    The inputs of a neuron at every place of every picture are a sample, those from zero padding
    included. E is the mean over all samples and E+ over those with y > 0, where the ReLU passes
    the signal on. How E+ is scaled does not matter, since numerator and denominator share it:

        a+ = sum+ x (y - E[y]) / sum+ y (y - E[y])

    with sums over the active samples. Over all samples this is the linear estimator
    cov[x, y] / var[y], for layers that no ReLU follows.

    The paper's neuron has no bias, and there y = w.x makes the denominator w.(the numerator), so
    that w.a = 1. Here the bias counts as the weight of one more input, which is always 1 and
    has a pattern a_b like the others. So y stands for w.x + b in the paper's formula, the
    numerator is the same, and w.a + b a_b = 1: what the bias takes is not led further. The
    denominator is never negative, as the mean over active samples is not below E[y]. (To divide
    by w.(the numerator) all the same would divide by sums of either sign: on the embedded VGG,
    maps from two sets of 64 pictures then correlate between -0.3 and 0.3, else above 0.89.)

    A neuron that no picture activates has the pattern 0. In float32, patterns are the less
    exact the less a neuron's output varies; ``pattern_attribution`` has them estimated in
    float64 (in float32, maps of the embedded VGG differed by 4e-3 of their maximum, and with
    random weights throughout they correlated at 0.94 with the exact ones).

    Args:
        clf: a classifier that nobody else uses meanwhile.
        pictures: network input, [B, 3, H, W].
        chunk: pictures that go through the model at once; 0 for what memory allows.

    Returns:
        For the output of every ``Affine`` node the patterns [outputs, inputs, ...], in the
        type of the weights; sums over samples are collected in float64.
    """
    size = chunk or _fitting(clf, pictures)
    means: Patterns = {}
    for graph, share in _runs(clf, pictures, size, 0):
        for node in _layers(graph):
            mean = share * _over_samples(node, graph.values[node.output]).mean(1)
            means[node.output] = means.get(node.output, 0) + mean
    moments: Patterns = {}
    powers: Patterns = {}
    for graph, _ in _runs(clf, pictures, size, len(pictures)):
        for node in _layers(graph):
            number, y = node.output, graph.values[node.output]
            deviation = y - node.along(means[number].to(y))
            if _rectified(graph, node):
                deviation = deviation * (y > 0)
            moment = _moment(node, graph.values[node.inputs[0]], deviation)
            moments[number] = moments.get(number, 0) + moment.double()
            powers[number] = powers.get(number, 0) + _over_samples(node, y * deviation).sum(1)
    return {
        number: _pattern(moments.pop(number), power).to(pictures)
        for number, power in powers.items()
    }


def _pattern(moment: Tensor, power: Tensor) -> Tensor:
    """[outputs, inputs, ...] / [outputs], and 0 where ``power`` is 0."""
    column = power.view(-1, *[1] * (moment.dim() - 1))
    return torch.where(column == 0, 0, moment / column.where(column != 0, 1))


def _runs(
    clf: Classifier, pictures: Tensor, size: int, before: int
) -> Iterator[tuple[Graph, float]]:
    """The network run on some pictures after the others, and their share of all.

    ``before``: pictures that went through already, of twice as many as there are.
    """
    done = before
    for part in torch.split(pictures, size):
        with torch.no_grad():
            yield read(record(clf, part)), len(part) / len(pictures)
        done += len(part)
        advance(done, 2 * len(pictures))


def _fitting(clf: Classifier, pictures: Tensor) -> int:
    """How many pictures memory allows at once; the more, the less is done per weight."""
    with torch.no_grad():
        values = bytes_of(lambda: record(clf, pictures[:1]))
    # As much again is needed to work with the largest of the values.
    return max(1, allowed_bytes() // (2 * values))


def _layers(graph: Graph) -> list[Affine]:
    return [node for node in graph.nodes if isinstance(node, Affine)]


def _rectified(graph: Graph, node: Node) -> bool:
    """Whether the node's output is read by ReLUs and nothing else."""
    readers = [other for other in graph.nodes if node.output in other.inputs]
    return bool(readers) and all(isinstance(reader, Rectifier) for reader in readers)


def _over_samples(node: Affine, values: Tensor) -> Tensor:
    """Values at the layer's output -> float64 [outputs, samples]."""
    channel = -1 if node.options is None else 1
    return values.movedim(channel, 0).flatten(1).double()


def _moment(node: Affine, a: Tensor, deviation: Tensor) -> Tensor:
    """Sum over samples of inputs times deviation, as the layer's weight.

    It is the gradient of sum(w.x * deviation) for the weight w.
    """
    weight = node.weight.detach().requires_grad_()
    with torch.enable_grad():
        out = node.forward(a, weight)
    return torch.autograd.grad(out, weight, deviation)[0]


_known: OrderedDict[str, Patterns] = OrderedDict()
_lock = threading.Lock()


def _remembered(clf: Classifier, graph: Graph, pictures: Tensor, chunk: int) -> Patterns:
    """``estimate``, or what it gave for the same model and pictures before."""
    # Networks with the same weights may still go other ways.
    steps = [(node.label, type(node).__name__, node.inputs, node.output) for node in graph.nodes]
    # Of a new twin, which hashes the weights as they are now: 0.5 seconds for a gigabyte.
    fingerprint = clf.private().fingerprint
    pixels = pictures.cpu().contiguous().view(torch.uint8)
    key = content_key(fingerprint, repr(steps), str(clf.device), pixels)
    with _lock:
        if key in _known:
            _known.move_to_end(key)
            return _known[key]
    exact = estimate(in_float64(clf), pictures.double(), chunk)
    # Rounded to the model's own type, so that they take no more memory than its weights.
    patterns = {number: values.to(pictures) for number, values in exact.items()}
    with _lock:
        _known[key] = patterns
        while len(_known) > KEPT:
            _known.popitem(last=False)
    return patterns
