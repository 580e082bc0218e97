"""Functions that overwrite a tensor, and functions that give the same value and overwrite none."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from xai_core.models.torch_calls import Function

_SETS_DATA: Function = Tensor.data.__set__  # type: ignore[attr-defined]
# Named as if they did, but they leave the values alone.
_HARMLESS = frozenset({"requires_grad_", "share_memory_", "rename_"})


@dataclass(frozen=True)
class Overwriting:
    """A call that overwrites a tensor, as a call that gives the new value instead.

    Attributes:
        target: what is overwritten.
        function, args, kwargs: the call that changes nothing.
    """

    target: Tensor
    function: Function
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def result(self) -> Tensor:
        """The new value."""
        found: Tensor = self.function(*self.args, **self.kwargs)
        return found


def overwriting(
    function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Overwriting | None:
    """What the call overwrites; None if it overwrites nothing, as far as its name tells."""
    name = getattr(function, "__name__", "")
    if isinstance(kwargs.get("out"), Tensor):
        rest = {key: value for key, value in kwargs.items() if key != "out"}
        return Overwriting(kwargs["out"], function, tuple(args), rest)
    if _flag_set(function, args, kwargs):
        target = args[0] if args else kwargs.get("input")
        place = _flag(function)
        kept = tuple(False if index == place else value for index, value in enumerate(args))
        rest = {key: value for key, value in kwargs.items() if key != "inplace"}
        return Overwriting(target, function, kept, rest) if isinstance(target, Tensor) else None
    twin = _twin(function, name)
    target = args[0] if args else kwargs.get("input")
    if twin is None or not isinstance(target, Tensor):
        return None
    return Overwriting(target, twin, tuple(args), dict(kwargs))


@functools.cache
def on_a_copy(function: Function) -> Function:
    """The function that changes a copy of its first argument, and returns that."""

    @functools.wraps(function)
    def changed(first: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        copied = first.clone()
        function(copied, *args, **kwargs)
        return copied

    return changed


@functools.cache
def _twin(function: Function, name: str) -> Function | None:
    """The function that gives what this one writes; None if this one writes nothing."""
    if name == "__setitem__" or function == _SETS_DATA:
        return on_a_copy(function)
    if name.startswith("__i") and callable(getattr(Tensor, f"__{name[3:]}", None)):
        return cast(Function, getattr(Tensor, f"__{name[3:]}"))
    if not name.endswith("_") or name.endswith("__") or name in _HARMLESS:
        return None
    method = getattr(Tensor, name, None) is function
    for owner in (Tensor,) if method else (torch, F):
        if callable(found := getattr(owner, name[:-1], None)):
            return cast(Function, found)
    return on_a_copy(function)


@functools.cache
def _flag(function: Function) -> int | None:
    """Place of the parameter ``inplace``; None if the function has none."""
    if not inspect.isfunction(function):
        return None
    try:
        names = list(inspect.signature(function).parameters)
    except ValueError:  # it wraps a function of C++, as ``**`` does
        return None
    return names.index("inplace") if "inplace" in names else None


def _flag_set(function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    place = _flag(function)
    if place is None:
        return False
    return bool(args[place] if len(args) > place else kwargs.get("inplace", False))
