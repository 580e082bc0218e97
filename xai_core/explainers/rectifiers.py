"""ReLUs wherever they are called: recognised, and given another way back."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

RECTIFYING = frozenset({F.relu, torch.relu, Tensor.relu})
CLAMPING = frozenset({F.hardtanh, F.relu6, torch.clamp, Tensor.clamp, torch.clip, Tensor.clip})
ACTIVATING = CLAMPING | frozenset(
    {
        *(F.celu, F.elu, F.gelu, F.hardsigmoid, F.hardswish, F.leaky_relu, F.logsigmoid, F.mish),
        *(F.prelu, F.rrelu, F.selu, F.sigmoid, F.silu, F.softplus, F.softsign, F.tanh),
        *(F.tanhshrink, F.threshold, torch.sigmoid, Tensor.sigmoid, torch.tanh, Tensor.tanh),
    }
)
# (out, signal, top) -> the signal at a ReLU's input; out [N, ...] is its output, signal what
# comes back to that, and top the value above which it does not rise: infinity, or 6 of ReLU6.
WayBack = Callable[[Tensor, Tensor, float], Tensor]


def ceiling(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> float | None:
    """Where this call stops to rise, if it is a ReLU (infinity) or ReLU6; else None."""
    if function in RECTIFYING:
        return math.inf
    if function is F.relu6:
        return 6.0
    if function not in CLAMPING:
        return None
    hard = function is F.hardtanh
    names = ("min_val", "max_val") if hard else ("min", "max")
    given = dict(zip(names, (-1.0, 1.0) if hard else (None, None), strict=True))
    given |= dict(zip(names, args[1:], strict=False))
    given |= {name: kwargs[name] for name in names if name in kwargs}
    low, high = given[names[0]], given[names[1]]
    if not isinstance(low, int | float) or low != 0:
        return None
    return math.inf if high is None else float(high)


class _Ruled(torch.autograd.Function):
    """ReLU or ReLU6 forward, another rule backward."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, top: float, way_back: WayBack) -> Tensor:
        out = a.clamp(0, top)
        ctx.way_back, ctx.top = way_back, top
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, *signals: Tensor) -> tuple[Tensor, None, None]:
        (out,) = ctx.saved_tensors
        return ctx.way_back(out, signals[0], ctx.top), None, None


class Rectifying(TorchFunctionMode):
    """Within the block, every ReLU and ReLU6 of this thread is led back by ``way_back``.

    Attributes:
        rectifiers: how many were met.
        others: functions met that are other activations.
    """

    def __init__(self, way_back: WayBack) -> None:
        super().__init__()
        self.rectifiers = 0
        self.others: list[Callable[..., Any]] = []
        self._way_back = way_back

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        top = ceiling(func, args, kwargs)
        if top is not None:
            self.rectifiers += 1
            return _Ruled.apply(args[0] if args else kwargs["input"], top, self._way_back)
        if func in ACTIVATING:
            self.others.append(func)
        return func(*args, **kwargs)
