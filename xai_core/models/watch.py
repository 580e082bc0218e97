"""Watching a network run, for what would silently corrupt hook-based methods."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_core.errors import ModelError

_RELU = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
_CLAMP = frozenset(
    {
        *(torch.clamp, Tensor.clamp, Tensor.clamp_, torch.clip, Tensor.clip, Tensor.clip_),
        *(torch.clamp_min, Tensor.clamp_min, Tensor.clamp_min_),
    }
)
INPLACE_METHODS = frozenset({Tensor.add_, Tensor.sub_, Tensor.mul_, Tensor.div_})
_INPLACE_TENSOR = INPLACE_METHODS | {
    Tensor.__iadd__,
    Tensor.__isub__,
    Tensor.__imul__,
    Tensor.__itruediv__,
}
_RELU_MODULES = (nn.ReLU, nn.ReLU6)
_ONCE_ONLY = ("torch.nn.modules.activation", "torch.nn.modules.pooling")
_CANNOT_RUN = (RuntimeError, ValueError, TypeError, AssertionError, LookupError, AttributeError)


@dataclass
class ReluReport:
    """What would corrupt hook-based methods; names are dotted, "" is the network itself.

    Attributes:
        functional: module -> how often its ``forward`` calls a ReLU that is no module.
        reused: activation or pooling module -> number of calls, where above one.
        inplace: modules whose ``inplace`` flag is on.
        overwriting: module -> how often its ``forward`` overwrites a tensor.
        callers: modules whose ``forward`` must be rewritten to mend all but ``inplace``.
    """

    functional: Counter[str] = field(default_factory=Counter)
    reused: dict[str, int] = field(default_factory=dict)
    inplace: list[str] = field(default_factory=list)
    overwriting: Counter[str] = field(default_factory=Counter)
    callers: set[str] = field(default_factory=set)

    @property
    def clean(self) -> bool:
        """Whether nothing needs repair."""
        return not (self.callers or self.inplace)


def relu_report(module: nn.Module, probe: Tensor) -> ReluReport:
    """Run ``probe`` [N, 3, H, W] through ``module`` and report what would mislead hooks."""
    return observe(module, probe)[1]


class _FunctionWatch(TorchFunctionMode):
    """Notes ReLU functions and in-place operations by the module that is running."""

    def __init__(self, module: nn.Module, report: ReluReport) -> None:
        super().__init__()
        self.running: list[str] = []
        self._modules = dict(module.named_modules())
        self._report = report

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        name = self.running[-1] if self.running else ""
        if not isinstance(self._modules[name], _RELU_MODULES):
            if relu_kind(func, args, kwargs) is not None:
                self._report.functional[name] += 1
                self._report.callers.add(name)
            elif func in _INPLACE_TENSOR or is_inplace(func, args, kwargs):
                self._report.overwriting[name] += 1
                self._report.callers.add(name)
        return func(*args, **kwargs)


@contextmanager
def _watched(module: nn.Module, report: ReluReport) -> Iterator[None]:
    watch = _FunctionWatch(module, report)
    calls: Counter[str] = Counter()
    callers: dict[str, set[str]] = {}

    def enter(name: str) -> None:
        calls[name] += 1
        callers.setdefault(name, set()).add(watch.running[-1] if watch.running else "")
        watch.running.append(name)

    def leave(*_: object) -> None:
        watch.running.pop()

    handles = []
    for name, child in module.named_modules():
        handles.append(child.register_forward_pre_hook(lambda _, __, name=name: enter(name)))
        handles.append(child.register_forward_hook(leave))
    try:
        with watch:
            yield
    finally:
        for handle in handles:
            handle.remove()
    for name, child in module.named_modules():
        if calls[name] > 1 and once_only(child):
            report.reused[name] = calls[name]
            report.callers |= callers[name]


def observe(module: nn.Module, x: Tensor) -> tuple[Tensor, ReluReport]:
    """Logits [N, K] of ``x`` [N, 3, H, W], and what was seen on the way.

    Raises:
        ModelError: the network does not run on ``x``, or gives something else than a tensor.
    """
    report = ReluReport()
    for name, child in module.named_modules():
        if getattr(child, "inplace", None) is True:
            report.inplace.append(name)
    try:
        # The copy protects x from a first layer that works in place.
        with torch.no_grad(), _watched(module, report):
            logits = module(x.clone())
    except _CANNOT_RUN as error:
        raise ModelError(
            f"The model cannot take an input of shape {list(x.shape)}: {first_line(error)}"
        ) from error
    if not isinstance(logits, Tensor):
        raise ModelError("The model must return one tensor of logits in evaluation mode.")
    return logits, report


def once_only(module: nn.Module) -> bool:
    """Whether methods attach to this kind of module, so that each use must be its own."""
    stateless = not list(module.parameters()) and not list(module.children())
    return stateless and (
        isinstance(module, _RELU_MODULES) or type(module).__module__ in _ONCE_ONLY
    )


def relu_kind(
    function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> type[nn.Module] | None:
    """The module class that this call stands for, if it is a ReLU."""
    if function in _RELU:
        return nn.ReLU
    if function is F.relu6:
        return nn.ReLU6
    if function in _CLAMP:
        low = args[1] if len(args) > 1 else kwargs.get("min")
        high = args[2] if len(args) > 2 else kwargs.get("max")
        if isinstance(low, int | float) and low == 0 and high is None:
            return nn.ReLU
    return None


def is_inplace(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether this is an activation function called with ``inplace=True``."""
    if getattr(function, "__module__", "") != F.__name__ or not inspect.isfunction(function):
        return False
    parameters = list(inspect.signature(function).parameters)
    # A dropout does nothing in evaluation mode, in place or not.
    if "inplace" not in parameters or "dropout" in function.__name__:
        return False
    place = parameters.index("inplace")
    return bool(args[place] if len(args) > place else kwargs.get("inplace"))


def first_line(error: BaseException) -> str:
    """The beginning of a foreign error, for use inside a sentence."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
