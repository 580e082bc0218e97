"""A network's run, step by step: which torch functions took which values and gave which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from xai_core.models.torch_calls import Function, function_name, step_label
from xai_core.models.trees import mapped, tensors


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
        bare: whether it gave a tensor by itself, not in a tuple.
    """

    function: Function
    args: Any
    kwargs: Any
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    layer: str
    bare: bool = True

    def call(self, *values: Tensor) -> tuple[Tensor, ...]:
        """The function on other values in the place of its inputs."""
        given = dict(zip(self.inputs, values, strict=True))
        args, kwargs = mapped(
            (self.args, self.kwargs),
            lambda item: given[item.number] if isinstance(item, Slot) else item,
        )
        return tuple(tensors(self.function(*args, **kwargs)))

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
        winners: as in ``Graph``, for all that read the tape.
    """

    values: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    layers: dict[str, list[int]] = field(default_factory=dict)
    output: int = 0
    winners: dict[int, Tensor] = field(default_factory=dict)

    def taken(self) -> list[tuple[Function, tuple[int, ...], tuple[int, ...]]]:
        """Every step's function and the numbers of what it took and gave."""
        return [(step.function, step.inputs, step.outputs) for step in self.steps]
