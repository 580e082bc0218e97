"""Which layer class activation maps explain if none is chosen.

It is the activation behind the last convolution: the last value that holds one map per channel,
after BatchNorm and ReLU, and after the sum with a residual branch where the ReLU stands behind
that. In front of the ReLU a channel's map is partly negative, and what is negative there has no
influence on the score.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from xai_core.models.tape import Step, Tape
from xai_core.models.torch_functions import (
    ADDING,
    CONVOLVING,
    MULTIPLYING,
    RELUS,
    SMOOTH,
    Functions,
)

Layout = Literal["channels first", "channels last", "tokens"]

_JOINING: Functions = frozenset({torch.cat, torch.concat, torch.concatenate})
_SOFTMAX: Functions = frozenset({F.softmax, torch.softmax, Tensor.softmax})
_ATTENDING: Functions = frozenset({F.multi_head_attention_forward, F.scaled_dot_product_attention})
_NORMALISING: Functions = frozenset({F.batch_norm, F.group_norm, F.instance_norm})
_POOLING: Functions = frozenset({F.max_pool2d, torch.max_pool2d, F.avg_pool2d})
_ACTIVATING = (
    RELUS
    | SMOOTH
    | {
        *(F.hardtanh, torch.clamp, Tensor.clamp, torch.clip, Tensor.clip, torch.clamp_min),
        *(Tensor.clamp_min, torch.maximum, Tensor.maximum, torch.where, Tensor.where, F.celu),
        *(F.elu, F.leaky_relu, F.prelu, F.rrelu, F.threshold),
    }
)


def default_layer(tape: Tape, layouts: Mapping[str, Layout]) -> str | None:
    """The layer to explain; None if there is no convolution.

    The last convolution is the one with most convolutions in front of it, so not the projection
    beside a residual branch, and with more than one place if there is one. If it is one branch
    of a concatenation, the concatenation stands for it, so that no branch is left out.

    From there the run is followed through BatchNorm, additions and gates to the activation, as
    long as everything that the value leads to goes through one value of the same shape. The
    layer is the innermost module that gives the activation and runs once: the whole block, where
    its ReLU is a function or runs twice. If no module gives it, it is the pooling straight
    behind it, if that leaves more than one place, then the BatchNorm, then the convolution.

    If attention follows the convolution, it is the normalisation in front of the last
    attention: behind that, a class token alone counts.

    Args:
        tape: one run of the network on one picture.
        layouts: the layers that give maps.
    """
    useful = _before(tape, [tape.output])
    makers = {number: step for step in tape.steps for number in step.outputs}

    def made_by(functions: Functions, among: set[int]) -> dict[int, str]:
        """Values that modules give straight from one of these functions, with their names."""
        return {
            numbers[0]: name
            for name, numbers in tape.layers.items()
            if name in layouts
            and numbers[0] in among
            and (step := makers.get(numbers[0])) is not None
            and step.function in functions
            and step.layer == name
        }

    convolutions = made_by(CONVOLVING, useful)
    depths = _depths(tape)
    last = max(
        convolutions,
        key=lambda number: (_places(tape, number) > 1, depths[number], number),
        default=None,
    )
    attention = _last_attention(tape, useful)
    if attention and not (last and _before(tape, [last]) & set(attention.outputs)):
        norms = made_by(frozenset({F.layer_norm}), _before(tape, attention.inputs))
        if norms:
            return norms[max(norms)]
    if last is None:
        return None
    joint = _joint(tape, last)
    givers = _givers(tape, layouts)
    for number in _stages(tape, joint, useful):
        if number in givers:
            return givers[number]
    # The first layer with maps that has taken a concatenation on, if no layer gives it.
    later = givers.keys() & _after(tape, joint)
    return givers[min(later)] if later else convolutions[last]


def _places(tape: Tape, number: int) -> int:
    return tape.values[number][0, 0].numel()


def _givers(tape: Tape, layouts: Mapping[str, Layout]) -> dict[int, str]:
    """For each value the innermost module that gives it."""
    found: dict[int, str] = {}
    for name, numbers in tape.layers.items():
        if layouts.get(name) == "channels first":
            found.setdefault(numbers[0], name)
    return found


def _stages(tape: Tape, number: int, useful: set[int]) -> list[int]:
    """What can stand for a convolution's or concatenation's output, the best first."""
    shape = tape.values[number].shape
    found = [number]
    waists = _waists(tape, number, useful)
    for value, steps in waists:
        function = steps[-1].function
        if tape.values[value].shape != shape:
            break
        if _activates(tape, steps, shape):
            following = next(waists, None)
            pooled = following is not None and following[1][-1].function in _POOLING
            found.append(value)
            if following is not None and pooled and _places(tape, following[0]) > 1:
                found.insert(-1, following[0])
            break
        if len(steps) == 1 and function in _NORMALISING:
            found.append(value)
        elif function not in ADDING and function not in MULTIPLYING:
            break
    return found[::-1]


def _activates(tape: Tape, steps: Sequence[Step], shape: torch.Size) -> bool:
    """Whether steps from one value to the next are an activation, such as x * sigmoid(x)."""
    kinds = [step.function in _ACTIVATING for step in steps]
    arithmetic = [step.function in ADDING or step.function in MULTIPLYING for step in steps]
    within = all(tape.values[number].shape == shape for step in steps for number in step.outputs)
    return within and any(kinds) and all(map(max, kinds, arithmetic))


def _waists(tape: Tape, start: int, useful: set[int]) -> Iterator[tuple[int, list[Step]]]:
    """Values that all that ``start`` leads to goes through, one after the other.

    Yields:
        Number of the value, and the steps from the value before to it.
    """
    until = {number: index for index, step in enumerate(tape.steps) for number in step.inputs}
    live, waist = {start}, start
    steps: list[Step] = []
    for index, step in enumerate(tape.steps):
        if live.isdisjoint(step.inputs) or useful.isdisjoint(step.outputs):
            continue
        steps.append(step)
        live.update(useful.intersection(step.outputs))
        live = {number for number in live if until.get(number, -1) > index}
        if len(live) == 1 and live != {waist}:
            (waist,) = live
            yield waist, steps
            steps = []


def _before(tape: Tape, numbers: Iterable[int]) -> set[int]:
    """The values that these depend on, and themselves."""
    found = set(numbers)
    for step in reversed(tape.steps):
        if not found.isdisjoint(step.outputs):
            found.update(step.inputs)
    return found


def _depths(tape: Tape) -> list[int]:
    """How many convolutions each value has gone through, on the longest way."""
    depths = [0] * len(tape.values)
    for step in tape.steps:
        depth = max(depths[number] for number in step.inputs)
        for number in step.outputs:
            depths[number] = depth + (step.function in CONVOLVING)
    return depths


def _last_attention(tape: Tape, useful: set[int]) -> Step | None:
    for step in reversed(tape.steps):
        attends = step.function in _ATTENDING or (
            step.function in _SOFTMAX and tape.values[step.outputs[0]].dim() > 2
        )
        if attends and not useful.isdisjoint(step.outputs):
            return step
    return None


def _joint(tape: Tape, last: int) -> int:
    """The concatenation that a convolution's output is part of, or else the output."""
    behind = _after(tape, last)
    joints = [
        step.outputs[0]
        for step in tape.steps
        if step.function in _JOINING and len(step.inputs) > 1 and not behind.isdisjoint(step.inputs)
    ]
    return max((number for number in joints if tape.values[number].dim() == 4), default=last)


def _after(tape: Tape, number: int) -> set[int]:
    """The values that depend on this one, and itself."""
    found = {number}
    for step in tape.steps:
        if not found.isdisjoint(step.inputs):
            found.update(step.outputs)
    return found
