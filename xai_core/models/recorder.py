"""Every torch function that runs, written down as a step, if it takes what depends on pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from xai_core.errors import MethodError
from xai_core.models.inplace import Overwriting, on_a_copy, overwriting
from xai_core.models.tape import Slot, Step, Tape
from xai_core.models.torch_calls import Function, Intercepting, Running
from xai_core.models.torch_functions import SHAPE_ONLY
from xai_core.models.trees import mapped, same, tensors

REMEDY = "saliency or integrated_gradients work on this model."
# They take or tell a tensor's shape and type only.
_UNRELATED = SHAPE_ONLY | {
    *(Tensor.size, Tensor.dim, Tensor.numel, Tensor.stride, Tensor.__len__),
}


class Recorder(Intercepting):
    """Writes the tape.

    The network's own tensors are not those of the tape where it overwrites them: such a tensor
    is given the memory of the new value, and the tape keeps the old one.

    Args:
        tape: with the pictures, and nothing else.
        batch: what the network is given for them, in the same memory.
        known: see ``record_module``.
        strict: whether a tensor that requires a gradient must be a value of the tape.
    """

    def __init__(self, tape: Tape, batch: Tensor, known: Tape | None, strict: bool) -> None:
        super().__init__()
        self.tape = tape
        self.running = Running()
        self._known = known
        self._strict = strict
        self._numbers = {id(batch): 0}
        # Kept, so that no other tensor gets the id of one of them.
        self._alive = [batch]
        # By the place of memory that no longer holds what is there without this recorder.
        self._outdated: dict[int, Step] = {}
        self._constants: dict[int, tuple[Tensor, int]] = {}

    def number(self, logits: Any) -> int:
        """Number of the logits."""
        if id(logits) not in self._numbers:
            self._check_origin(logits, "The model's output")
            raise MethodError("The model's scores do not depend on the picture.")
        self._check_current([logits])
        return self._numbers[id(logits)]

    def note_output(self, name: str, output: Any) -> None:
        """Write down which value a module has given, if any."""
        if isinstance(output, Tensor) and id(output) in self._numbers:
            self.tape.layers.setdefault(name, []).append(self._numbers[id(output)])

    def check_constants(self) -> None:
        """See that nothing that a step took has been changed afterwards."""
        for tensor, version in self._constants.values():
            if tensor._version != version:
                raise MethodError(
                    "The model changes a tensor that an earlier step has used, which hides how "
                    f"the logits came about; {REMEDY}"
                )

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run a function, or take what it gave on the known tape, and write it down."""
        if func in _UNRELATED:
            return func(*args, **kwargs)
        if getattr(func, "__name__", "") == "__get__" and not tensors(fact := func(*args)):
            return fact
        writing = overwriting(func, args, kwargs)
        used, given = func, (tuple(args), dict(kwargs))
        if writing is not None:
            used, given = writing.function, (writing.args, writing.kwargs)
        inputs: list[Tensor] = []
        others: list[Tensor] = []

        def replaced(item: Any) -> Any:
            if not isinstance(item, Tensor):
                return item
            if id(item) in self._numbers:
                inputs.append(item)
                return Slot(self._numbers[id(item)])
            others.append(item)
            # Its memory will not be changed, but the tensor is given another.
            return item.detach() if writing is not None and item is writing.target else item

        slot_args, slot_kwargs = mapped(given, replaced)
        step = Step(
            used,
            slot_args,
            slot_kwargs,
            tuple(dict.fromkeys(self._numbers[id(value)] for value in inputs)),
            (len(self.tape.values),),
            self.running.layer,
        )
        self._check_current((*inputs, *others))
        for item in others if self._strict else ():
            self._check_origin(item, f"The step {step.label}")
        if not inputs:
            return func(*args, **kwargs)
        for item in others:
            if writing is None or item is not writing.target:
                self._constants.setdefault(id(item), (item, item._version))
        if writing is not None:
            return self._overwritten(writing, func, args, kwargs, step)
        versions = [value._version for value in inputs]
        result = self._known_result(step)
        if result is None:
            result = func(*args, **kwargs)
            self._note(step, result)
            if [value._version for value in inputs] != versions:
                raise self._unclear(step)
        else:
            self.tape.values.append(result)
            self.tape.steps.append(step)
            # The network is not given the known tape's own tensor, which it might overwrite.
            result = result.detach()
            self._enter(result, step.outputs[0])
        return result

    def _note(self, step: Step, result: Any) -> None:
        """Write down a step and all values that it gave, if any."""
        results = [item for item in tensors(result) if id(item) not in self._numbers]
        first = len(self.tape.values)
        if results:
            outputs = tuple(range(first, first + len(results)))
            bare = isinstance(result, Tensor)
            self.tape.steps.append(replace(step, outputs=outputs, bare=bare))
            self.tape.values += results
            for number, item in zip(outputs, results, strict=True):
                self._enter(item, number)

    def _enter(self, item: Tensor, number: int) -> None:
        self._numbers[id(item)] = number
        self._alive.append(item)

    def _overwritten(
        self,
        writing: Overwriting,
        func: Function,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        step: Step,
    ) -> Any:
        """Write down a step that overwrites a tensor, and give that tensor its new value."""
        target, known = writing.target, self._known_result(step)
        new = writing.result() if known is None else known
        if new is target:  # a dropout in evaluation mode
            return target
        if (new.dtype, new.shape) != (target.dtype, target.shape):
            if new is known or kwargs.get("out") is target:
                raise self._unclear(step)
            # The new value is made to fit what is overwritten.
            step = replace(step, function=on_a_copy(func))
            new = step.function(*args, **kwargs)
        number = self._numbers.get(id(target))
        if number is None and id(target) in self._constants:
            raise self._unclear(step)
        old = target.detach()
        self._alive.append(old)
        if number is not None and self.tape.values[number] is target:
            self.tape.values[number] = old
        self.tape.values.append(new)
        self.tape.steps.append(step)
        # The tensor's value is the new one from here on, under a new number.
        target.data = new.detach()
        self._enter(target, step.outputs[0])
        if _memory(old) != _memory(new):
            self._outdated[_memory(old)] = step
        return None if func is Tensor.__setitem__ else target

    def _known_result(self, step: Step) -> Tensor | None:
        """What the step at this place gave on the known tape, if it is the same step."""
        place = len(self.tape.steps)
        if self._known is None or place >= len(self._known.steps):
            return None
        other, values = self._known.steps[place], self._known.values
        equal = (
            other.bare
            and other.function is step.function
            and other.outputs == step.outputs
            and all(values[number] is self.tape.values[number] for number in step.inputs)
            and same((other.args, other.kwargs), (step.args, step.kwargs))
        )
        return values[step.outputs[0]] if equal else None

    def _check_current(self, items: Sequence[Tensor]) -> None:
        """See that no tensor is the view of another that was overwritten, or the reverse."""
        for item in items if self._outdated else ():
            if (step := self._outdated.get(_memory(item))) is not None:
                raise self._unclear(step)

    def _check_origin(self, item: Any, who: str) -> None:
        """See that a tensor that is no value of the tape does not depend on the pictures."""
        if self._strict and isinstance(item, Tensor) and item.requires_grad:
            raise MethodError(
                f"{who} depends on the picture by way of something that is no function of "
                f"PyTorch, such as a compiled function, so its run cannot be followed; {REMEDY}"
            )

    @staticmethod
    def _unclear(step: Step) -> MethodError:
        return MethodError(
            f"The step {step.label} overwrites a value that is used in another place too, which "
            f"hides how the logits came about; {REMEDY}"
        )


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
