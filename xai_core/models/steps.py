"""Steps of a network's run: which torch functions took which values and gave which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from xai_core.models.trail import function_name, step_label


@dataclass(frozen=True)
class Slot:
    """Stands for a value in a step's arguments."""

    number: int


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a torch function.

    Attributes:
        function: what was called.
        args, kwargs: its arguments, with a ``Slot`` in the place of every value.
        inputs: numbers of the values it took, in the order of the slots.
        outputs: numbers of the values it gave.
        layer: dotted name of the module that was running; "" for the network itself.
    """

    function: Callable[..., Any]
    args: Any
    kwargs: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layer: str

    def call(self, *values: Tensor) -> tuple[Tensor, ...]:
        """The function on other values in the place of its inputs."""
        given = dict(zip(self.inputs, values, strict=True))
        args, kwargs = mapped(
            (self.args, self.kwargs),
            lambda item: given[item.number] if isinstance(item, Slot) else item,
        )
        return tensors(self.function(*args, **kwargs))

    @property
    def label(self) -> str:
        """The step in words, for errors."""
        return step_label(function_name(self.function), self.layer)


@dataclass
class Tape:
    """Values and steps of one run; value 0 is the batch, the last output the logits.

    Attributes:
        values: every tensor that depends on the pictures; a step that overwrites one of them
            gives a new one.
        steps: in the order of execution.
        layers: numbers of the values that each module gave, by its dotted name.
        output: number of the logits.
    """

    values: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    layers: dict[str, list[int]] = field(default_factory=dict)
    output: int = 0

    def taken(self) -> list[tuple[Callable[..., Any], tuple[int, ...], tuple[int, ...]]]:
        """Every step's function and the numbers of what it took and gave."""
        return [(step.function, step.inputs, step.outputs) for step in self.steps]


def mapped(item: Any, change: Callable[[Any], Any]) -> Any:
    """``item`` with every leaf of its tuples, lists and dictionaries changed."""
    if isinstance(item, tuple) and not isinstance(item, torch.Size):
        return tuple(mapped(part, change) for part in item)
    if isinstance(item, list):
        return [mapped(part, change) for part in item]
    if isinstance(item, dict):
        return {key: mapped(part, change) for key, part in item.items()}
    return change(item)


def same(one: Any, other: Any) -> bool:
    """Whether two trees of arguments are the same; of tensors, whether they are one object."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor):
        return one is other
    return bool(one is other or one == other)


def tensors(result: Any) -> tuple[Tensor, ...]:
    """The tensors that a function gave, be it one or several."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return tuple(part for part in parts if isinstance(part, Tensor))
