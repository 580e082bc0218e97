"""Listening to a network while it runs: every torch function, the layer, and what it gave."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_core.errors import ModelError

# What torch and people's code raise where something cannot take what it is given.
CANNOT_RUN = (RuntimeError, ValueError, TypeError, AssertionError, LookupError, AttributeError)


@dataclass(frozen=True)
class Call:
    """One call of a torch function.

    Attributes:
        function: what was called.
        layer: dotted name of the module that was running; "" for the network itself.
        given: the tensors among its arguments.
        result: what it returned.
    """

    function: Callable[..., Any]
    layer: str
    given: Sequence[Tensor]
    result: Any


@dataclass
class Running:
    """Names of the modules that are running, the innermost last."""

    names: list[str] = field(default_factory=list)

    @property
    def layer(self) -> str:
        """The innermost; "" for the network itself."""
        return self.names[-1] if self.names else ""


@contextmanager
def heard(module: nn.Module, hear: Callable[[Call], None]) -> Iterator[Running]:
    """Within the block, ``hear`` is told every torch function that ``module`` calls.

    After an error, the ``Running`` that the block is given still tells which layer failed.
    """
    running = Running()
    handles = []
    for name, child in module.named_modules():
        handles.append(
            child.register_forward_pre_hook(lambda _, __, name=name: running.names.append(name))
        )
        handles.append(child.register_forward_hook(lambda *_: _left(running)))
    try:
        with _Hearing(hear, running):
            yield running
    finally:
        for handle in handles:
            handle.remove()


def _left(running: Running) -> None:
    running.names.pop()


class _Hearing(TorchFunctionMode):
    def __init__(self, hear: Callable[[Call], None], running: Running) -> None:
        super().__init__()
        self._hear, self._running = hear, running

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = list(tensors((args, kwargs)))
        self._hear(Call(func, self._running.layer, given, result))
        return result


def tensors(item: Any) -> Iterator[Tensor]:
    """The tensors in a tree of tuples, lists and dictionaries."""
    if isinstance(item, Tensor):
        yield item
    elif isinstance(item, list | tuple):
        for part in item:
            yield from tensors(part)
    elif isinstance(item, dict):
        yield from tensors(list(item.values()))


def function_name(function: Callable[..., Any]) -> str:
    """What people call a torch function; of an attribute such as ``x.data``, its name."""
    name = getattr(function, "__name__", str(function))
    if name in ("__get__", "__set__"):
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    return str(name).strip("_")


def step_label(name: str, layer: str) -> str:
    """A step in words, for errors."""
    return f"'{name}' in layer '{layer}'" if layer else f"'{name}' in the model"


def scores_of(module: nn.Module, x: Tensor) -> Tensor:
    """What a network gives for ``x`` [N, 3, H, W], which a layer may not overwrite.

    Raises:
        ModelError: it does not run on ``x``, or gives something else than a tensor.
    """
    try:
        scores = module(x.clone())
    except CANNOT_RUN as error:
        raise ModelError(
            f"The model cannot take an input of shape {list(x.shape)}: {first_line(error)}"
        ) from error
    if not isinstance(scores, Tensor):
        raise ModelError("The model must return one tensor of logits in evaluation mode.")
    return scores


def first_line(error: BaseException) -> str:
    """The beginning of a foreign error, for use inside a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


class InDouble(TorchFunctionMode):
    """Within the block every calculation is done in float64, whatever the weights are.

    Rounding is then 10^-9 of what it is in float32, and no longer hides what is asked for.
    Each weight is converted where it is used, and keeps its type. What the network itself
    overwrites (a counter, a running mean), also by a view, is overwritten as without the block.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = (tuple(args), dict(kwargs or {}))
        if getattr(func, "__name__", "") == "__set__":  # x.data = value
            target, value = args
            return func(target, value.to(target.dtype) if isinstance(value, Tensor) else value)
        used = func
        if func in (Tensor.float, Tensor.half, Tensor.bfloat16):
            used = Tensor.double
        twins = _double(given)
        result = used(*twins[0], **twins[1])
        pairs = zip(tensors(given), tensors(twins), strict=True)
        converted = [(old, new) for old, new in pairs if new is not old]
        for old, new in converted:
            if new.is_inference() or new._version:  # it was, or may have been, overwritten
                old.copy_(new)
                if result is new:
                    return old
        if _memory(result) & _memory([new for _, new in converted]):
            # A view, to be one of the network's own tensor, unless only float64 makes it one.
            view = func(*given[0], **given[1])
            if _memory(view) & _memory([old for old, _ in converted]):
                return view
        return _double(result)


def _memory(item: Any) -> set[int]:
    """Where the tensors in a tree have their values; of sparse and other such ones nothing."""
    places = set()
    for tensor in tensors(item):
        with suppress(RuntimeError):
            places.add(tensor.untyped_storage().data_ptr())
    return places - {0}


def _double(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.double() if item.is_floating_point() else item
    if isinstance(item, torch.dtype):
        return torch.float64 if item.is_floating_point else item
    if type(item) in (list, tuple):
        return type(item)(_double(part) for part in item)
    if type(item) is dict:
        return {key: _double(part) for key, part in item.items()}
    return item
