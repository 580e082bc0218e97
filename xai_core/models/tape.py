"""What a network does with a batch, written down while it does it.

The network runs as it is, once, and every torch function whose input depends on the pictures
becomes a step of the tape, be it called by a module or not, in branches or reused. Methods
that lead relevance back layer by layer go through the tape in reverse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_core.errors import MethodError
from xai_core.models.trail import function_name, spoken

# They take a tensor's shape and type only.
_UNRELATED = frozenset(
    {
        *(Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_empty, Tensor.new_tensor),
        *(torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like),
    }
)


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
        args, kwargs = _mapped(
            (self.args, self.kwargs),
            lambda item: given[item.number] if isinstance(item, Slot) else item,
        )
        return _tensors(self.function(*args, **kwargs))

    @property
    def spoken(self) -> str:
        """The step in words, for errors."""
        return spoken(function_name(self.function), self.layer)


@dataclass
class Tape:
    """Values and steps of one run; value 0 is the batch, the last output the logits.

    Attributes:
        values: every tensor that depends on the pictures.
        steps: in the order of execution.
        layers: numbers of the values that each module gave, by its dotted name.
        output: number of the logits.
    """

    values: list[Tensor] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    layers: dict[str, list[int]] = field(default_factory=dict)
    output: int = 0


def record_module(module: nn.Module, x: Tensor, known: Tape | None = None) -> Tape:
    """Run a network and write down what it does.

    With gradients enabled and ``x`` requiring them, the values can be differentiated.

    Args:
        module: a network that nobody else uses meanwhile.
        x: its input, [N, 3, H, W].
        known: the tape of a network that shares some of its weights, run on this very ``x``.
            A step that is the same there, with the same arguments, is not computed again.

    Raises:
        MethodError: the network overwrites one of its values in place, or its output does not
            depend on the input.
    """
    tape = Tape([x])
    recorder = _Recorder(tape, known)
    with _named(module, recorder), recorder:
        logits = module(x)
    tape.output = recorder.number(logits)
    return tape


class _Recorder(TorchFunctionMode):
    def __init__(self, tape: Tape, known: Tape | None = None) -> None:
        super().__init__()
        self.tape = tape
        self._known = known
        self.running: list[str] = []
        # The tape keeps the values alive, so that no other tensor gets their id.
        self._numbers = {id(tape.values[0]): 0}

    def number(self, value: Any) -> int:
        if id(value) not in self._numbers:
            raise MethodError("The model's scores do not depend on the picture.")
        return self._numbers[id(value)]

    def leave(self, name: str, output: Any) -> None:
        self.running.pop()
        if isinstance(output, Tensor) and id(output) in self._numbers:
            self.tape.layers.setdefault(name, []).append(self.number(output))

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if func in _UNRELATED:
            return func(*args, **(kwargs or {}))
        given = (tuple(args), dict(kwargs or {}))
        inputs: list[Tensor] = []

        def replaced(item: Any) -> Any:
            if isinstance(item, Tensor) and id(item) in self._numbers:
                inputs.append(item)
                return Slot(self.number(item))
            return item

        slot_args, slot_kwargs = _mapped(given, replaced)
        versions = [value._version for value in inputs]
        result = self._known_result(func, slot_args, slot_kwargs, inputs)
        if result is None:
            result = func(*args, **(kwargs or {}))
        outputs = [item for item in _tensors(result) if id(item) not in self._numbers]
        if inputs:
            step = Step(
                func,
                slot_args,
                slot_kwargs,
                tuple(dict.fromkeys(self.number(value) for value in inputs)),
                tuple(range(len(self.tape.values), len(self.tape.values) + len(outputs))),
                self.running[-1] if self.running else "",
            )
            if [value._version for value in inputs] != versions:
                raise MethodError(
                    f"The step {step.spoken} overwrites its input, which hides how the logits "
                    "came about; saliency or integrated_gradients work on this model."
                )
            if outputs:
                for item in outputs:
                    self._numbers[id(item)] = len(self.tape.values)
                    self.tape.values.append(item)
                self.tape.steps.append(step)
        return result

    def _known_result(
        self, func: Callable[..., Any], args: Any, kwargs: Any, inputs: Sequence[Tensor]
    ) -> Tensor | None:
        """What the step at this place gave on the known tape, if it is the same step."""
        place = len(self.tape.steps)
        if self._known is None or not inputs or place >= len(self._known.steps):
            return None
        step, values = self._known.steps[place], self._known.values
        same = (
            step.function is func
            and step.outputs == (len(self.tape.values),)
            and all(values[self.number(value)] is value for value in inputs)
            and _same((step.args, step.kwargs), (args, kwargs))
        )
        return values[step.outputs[0]] if same else None


@contextmanager
def _named(module: nn.Module, recorder: _Recorder) -> Iterator[None]:
    """Within the block the recorder knows which module is running."""
    handles = []
    for name, child in module.named_modules():
        handles.append(
            child.register_forward_pre_hook(lambda _, __, name=name: recorder.running.append(name))
        )
        handles.append(
            child.register_forward_hook(
                lambda _, __, output, name=name: recorder.leave(name, output)
            )
        )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _mapped(item: Any, change: Callable[[Any], Any]) -> Any:
    """``item`` with every leaf of its tuples, lists and dictionaries changed."""
    if isinstance(item, tuple) and not isinstance(item, torch.Size):
        return tuple(_mapped(part, change) for part in item)
    if isinstance(item, list):
        return [_mapped(part, change) for part in item]
    if isinstance(item, dict):
        return {key: _mapped(part, change) for key, part in item.items()}
    return change(item)


def _same(one: Any, other: Any) -> bool:
    """Whether two trees of arguments are the same; of tensors, whether they are one object."""
    if type(one) is not type(other):
        return False
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, Tensor):
        return one is other
    return bool(one is other or one == other)


def _tensors(result: Any) -> tuple[Tensor, ...]:
    parts = result if isinstance(result, tuple | list) else (result,)
    return tuple(part for part in parts if isinstance(part, Tensor))
