"""Element-wise functions, recognised by what they do.

A ReLU can be written as ``x * (x > 0)``, ``torch.where(x > 0, x, 0)``, ``(x + x.abs()) / 2``
and in many more ways. So the steps between a value and one that depends on it alone are run as
one function on a grid of probes, which tells whether it is element-wise and which one it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from xai_core.explainers.chain import Chain
from xai_core.explainers.function_probes import Found, probed
from xai_core.explainers.node_kinds import slots
from xai_core.explainers.nodes import (
    Activation,
    Adding,
    Affine,
    Constant,
    MaxPool,
    Node,
    Normalisation,
    Rectifier,
    Subtracting,
)
from xai_core.models.tape import Slot, Step

# An element-wise function does not look beyond them.
_BARRIERS = (Affine, Normalisation, MaxPool)
_COPYING = frozenset[Any]((Tensor.clone, torch.clone, Tensor.contiguous))
_MOST_STEPS = 16
# How often it looks further back, where what it has found is neither a ReLU nor linear.
_FURTHER = 3


def recognised(node: Node, makers: Mapping[int, Node], values: Sequence[Tensor]) -> Node:
    """The element-wise function that ends in a node, as one node; else the node itself.

    Args:
        node: as its function alone tells.
        makers: the nodes before it, as their functions alone tell, by the values they give.
        values: all values of the run, by number.

    Returns:
        A ``Rectifier``, ``Constant`` or ``Activation`` that takes the one value from which the
        node's own is made element by element. For sums and differences, which have rules of
        their own, only one of the first two.
    """
    summing = type(node) in (Adding, Subtracting)
    if type(node) is not Node and not summing:
        return node
    # Of several values, as ``torch.max`` gives, the others may be no more than indices.
    if [n for n in node.step.outputs if values[n].is_floating_point()] != [node.output]:
        return node
    first: Node | None = None
    for chain in itertools.islice(_chains(node, makers, values), 1 + _FURTHER):
        found = probed(chain, values[chain.source])
        if found is None:
            break
        if first is None and not summing:
            first = _node(found, chain, node.step)
        # With the steps before it, it may be a ReLU: that of ``x.relu().clamp(max=6)``.
        if found.kind == "rectifier" or (found.kind == "linear" and len(chain.steps) > 1):
            return _node(found, chain, node.step)
        if found.kind == "linear":
            break
    return node if first is None else first


def _node(found: Found, chain: Chain, step: Step) -> Node:
    if len(chain.steps) > 1 or len(step.outputs) > 1 or slots(step) > 1:
        source, result = chain.source, chain.result
        step = Step(chain, (Slot(source),), {}, (source,), (result,), step.layer)
    place = (step, step.inputs, step.outputs[0])
    if found.kind == "rectifier":
        return Rectifier(*place, found.top, found.factor)
    return Constant(*place) if found.kind == "linear" else Activation(*place)


def _chains(node: Node, makers: Mapping[int, Node], values: Sequence[Tensor]) -> Iterator[Chain]:
    """The ways to a node's value from each value of that shape that alone decides it.

    The nearest comes first.
    """
    shape = values[node.output].shape
    steps, open_ends = [node.step], set(node.step.inputs)
    while True:
        latest = max(open_ends)
        source, maker = values[latest], makers.get(latest)
        fits = source.is_floating_point() and source.shape == shape
        copied = maker is not None and maker.step.function in _COPYING
        if len(open_ends) == 1 and fits and not copied:
            yield Chain(sorted(steps, key=lambda step: step.outputs), latest, node.output)
        if maker is None or isinstance(maker, _BARRIERS) or len(steps) == _MOST_STEPS:
            return
        steps.append(maker.step)
        open_ends -= set(maker.step.outputs)
        open_ends |= set(maker.step.inputs)
