"""A network's calculation in float64, whatever its weights are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from xai_core.models.torch_calls import Function, Intercepting
from xai_core.models.trees import tensors


class Float64Mode(Intercepting):
    """Within the block every calculation is done in float64, whatever the weights are.

    Rounding is then 10^-9 of what it is in float32, and no longer hides what is asked for.
    Each weight is converted where it is used, and keeps its type. What the network itself
    overwrites (a counter, a running mean), also by a view, is overwritten as without the block.
    """

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The function's result in float64."""
        given = (tuple(args), dict(kwargs))
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
    # Only plain ones: a function's result may have its values by name, too.
    if type(item) in (list, tuple):
        return type(item)(_double(part) for part in item)
    if type(item) is dict:
        return {key: _double(part) for key, part in item.items()}
    return item
