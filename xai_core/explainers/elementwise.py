"""Element-wise functions, recognised by what they do.

A ReLU can be written as ``x * (x > 0)``, ``torch.where(x > 0, x, 0)``, ``(x + x.abs()) / 2``
and in many more ways. So the steps between a value and one that depends on it alone are run as
one function on a grid of probes, which tells whether it is element-wise and which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from xai_core.explainers.chain import Chain
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
from xai_core.explainers.probes import Found, probed
from xai_core.models.steps import Slot, Step, mapped

# An element-wise function does not look beyond them.
_BARRIERS = (Affine, Normalisation, MaxPool)
_MOST_STEPS = 16


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
    if not values[node.output].is_floating_point() or len(node.step.outputs) != 1:
        return node
    chain = _chain(node, makers, values)
    if chain is None or (summing and not _has_unknown(chain, makers)):
        return node
    found = probed(chain, values[chain.source])
    if found is None or (summing and found.kind == "other"):
        return node
    step = node.step
    if len(chain.steps) > 1 or _slots(step) > 1:
        step = Step(chain, (Slot(chain.source),), {}, (chain.source,), step.outputs, step.layer)
    return _node(found, step)


def _node(found: Found, step: Step) -> Node:
    place = (step, step.inputs, step.outputs[0])
    if found.kind == "rectifier":
        return Rectifier(*place, found.top, found.factor)
    return Constant(*place) if found.kind == "linear" else Activation(*place)


def _chain(node: Node, makers: Mapping[int, Node], values: Sequence[Tensor]) -> Chain | None:
    """The way to a node's value from the nearest value of that shape that alone decides it."""
    shape = values[node.output].shape
    steps, open_ends = [node.step], set(node.step.inputs)
    while True:
        latest = max(open_ends)
        source = values[latest]
        if len(open_ends) == 1 and source.is_floating_point() and source.shape == shape:
            steps.sort(key=lambda step: step.outputs)
            return Chain(steps, latest, node.output)
        maker = makers.get(latest)
        if maker is None or isinstance(maker, _BARRIERS) or len(steps) == _MOST_STEPS:
            return None
        steps.append(maker.step)
        open_ends -= set(maker.step.outputs)
        open_ends |= set(maker.step.inputs)


def _has_unknown(chain: Chain, makers: Mapping[int, Node]) -> bool:
    """Whether one of the steps in front of the last has no rule of its own."""
    return any(type(makers[step.outputs[0]]) is Node for step in chain.steps[:-1])


def _slots(step: Step) -> int:
    """How often the step takes its values."""
    found: list[Slot] = []
    mapped((step.args, step.kwargs), lambda item: found.append(item) if _is_slot(item) else None)
    return len(found)


def _is_slot(item: Any) -> bool:
    return isinstance(item, Slot)
