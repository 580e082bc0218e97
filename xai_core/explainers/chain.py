"""Several steps of a recorded run, as one function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from xai_core.models.tape import Step
from xai_core.models.trees import mapped


class Chain:
    """Steps that make one value of another, as one function.

    Args:
        steps: in the order of execution; each takes what the source or others of them gave.
        source, result: numbers of the value that goes in and of that which comes out.
    """

    def __init__(self, steps: Sequence[Step], source: int, result: int) -> None:
        self.steps = steps
        self.source = source
        self.result = result
        self.__name__ = getattr(steps[-1].function, "__name__", str(steps[-1].function))

    def __call__(self, value: Tensor) -> Tensor:
        """The result for another value of the source."""
        values = {self.source: value}
        for step in self.steps:
            given = step.call(*(values[number] for number in step.inputs))
            values.update(zip(step.outputs, given, strict=True))
        return values[self.result]

    def for_fewer(self, pictures: int, some: int) -> Chain:
        """The same for a part of the pictures: constants that have a row for each are cut."""

        def cut(item: Any) -> Any:
            rows = isinstance(item, Tensor) and item.dim() > 1 and len(item) == pictures
            return item[:some] if rows else item

        steps = [
            replace(step, args=mapped(step.args, cut), kwargs=mapped(step.kwargs, cut))
            for step in self.steps
        ]
        return Chain(steps, self.source, self.result)
