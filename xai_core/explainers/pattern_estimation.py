"""Patterns of PatternAttribution, estimated from pictures.

Notation as in ``pattern``.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.double_precision import in_float64
from xai_core.explainers.graph import Graph, read
from xai_core.explainers.memory import allowed_bytes, bytes_of
from xai_core.explainers.nodes import Affine, Node, Rectifier
from xai_core.explainers.recorded import record
from xai_core.explainers.relevance import ratio
from xai_core.models.classifier import Classifier
from xai_core.progress import advance

# Pattern of every neuron of a layer, as its weight, by the number of the value it gives.
Patterns = dict[int, Tensor]


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
    return ratio(moment, power.view(-1, *[1] * (moment.dim() - 1)))


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
    return max(1, allowed_bytes(pictures.device) // (2 * values))


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


def estimate_by_layer(clf: Classifier, pictures: Tensor, chunk: int = 0) -> dict[str, Tensor]:
    """``estimate``, by the dotted names of the layers, to be kept in a file.

    Raises:
        MethodError: a layer runs more than once.
    """
    found = estimate(in_float64(clf), pictures.double(), chunk)
    with torch.no_grad():
        names = layer_names(read(record(clf, pictures[:1])))
    return {names[number]: pattern for number, pattern in found.items()}


def layer_names(graph: Graph) -> dict[int, str]:
    """The layer behind each ``Affine`` node, by the number of its output."""
    names = {node.output: node.step.layer for node in _layers(graph)}
    if len(set(names.values())) < len(names):
        raise MethodError("A layer runs more than once, and patterns in a file go by the layer.")
    return names
