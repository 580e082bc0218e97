"""Which networks make every choice by ReLUs, as methods that change the way back need it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from xai_core.errors import MethodError
from xai_core.explainers.graph import Graph, read_shared
from xai_core.explainers.nodes import Activation, Node, Rectifier
from xai_core.models.classifier import Classifier
from xai_core.models.recorder import REMEDY

PROBED = 64  # values, at least, by which a step is judged


def rectifier_graph(clf: Classifier, x: Tensor, title: str) -> Graph:
    """The network run on ``x``, if every choice that it makes by the sign of a value is a ReLU.

    Raises:
        MethodError: the network has no ReLU, or an activation beside it, or a step that may
            hide one, or its run cannot be written down.
    """
    graph = read_shared(clf, x, False)
    error = refusal(graph, title)
    if error is not None:
        raise error
    return graph


def refusal(graph: Graph, title: str) -> MethodError | None:
    """Why methods that change the way back through ReLUs are not defined for a network."""
    for node in graph.nodes:
        if type(node) is Activation or (type(node) is Node and _choosing(graph, node)):
            return MethodError(
                f"{title} is defined for ReLU networks only, but the model has the step "
                f"{node.label}; {REMEDY}"
            )
    if not any(isinstance(node, Rectifier) for node in graph.nodes):
        return MethodError(
            f"{title} changes how ReLU layers are passed backwards, but this model has none; "
            "saliency or integrated_gradients work on it."
        )
    return None


def _choosing(graph: Graph, node: Node) -> bool:
    """Whether a step without a kind may choose between its values, as a ReLU does.

    It does so by a mask or an index made of the pictures, or if it is element-wise in several
    values and changes otherwise than in sign when some of them do: a product does not, a
    maximum does. The values are probes, so that the answer is the same for all pictures.
    """
    values = [graph.values[number] for number in node.inputs]
    if not all(value.is_floating_point() for value in values):
        return True
    if len(values) == 1 or not _broadcast(values, graph.values[node.output]):
        return False
    count = len(graph.values[0])
    one = [value[:1] if value.dim() and len(value) == count else value for value in values]
    for like in (one, values):
        try:
            return not _odd(node, like)
        except (RuntimeError, ValueError, TypeError, LookupError):
            continue  # perhaps the step tells how many pictures there are
    return True


def _odd(node: Node, like: Sequence[Tensor]) -> bool:
    """Whether a step changes in sign alone when some of its values do, the same in all probes."""
    generator = torch.Generator().manual_seed(0)
    left = [signs for signs in itertools.product((1, -1), repeat=len(like)) if -1 in signs]
    for _ in range(1 + PROBED // max(1, min(value.numel() for value in like))):
        probes = [
            torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value)
            for value in like
        ]
        # Copies: the step may overwrite what it is given.
        out = node.step.call(*(probe.clone() for probe in probes))[0]
        near = partial(torch.allclose, rtol=1e-3, atol=1e-5 * float(out.abs().max()))
        left = [
            signs
            for signs in left
            if near(
                node.step.call(*(p * sign for p, sign in zip(probes, signs, strict=True)))[0], -out
            )
        ]
    return bool(left)


def _broadcast(values: Sequence[Tensor], out: Tensor) -> bool:
    try:
        shape: torch.Size = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
            *(value.shape for value in values)
        )
        return shape == out.shape
    except RuntimeError:
        return False
