"""Networks made fit for hooks: every ReLU a module of its own, nothing done in place.

Hook-based attribution silently fails on a ReLU that is a function, is called more than once,
or overwrites its input (seed thesis S, section 7.1.2). A network is watched while it runs; the
modules whose ``forward`` does such a thing are rewritten one by one with ``torch.fx``, their
children untouched, so that names, weights and the hierarchy stay what they were.
"""

from __future__ import annotations

import copy
import inspect
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.overrides import TorchFunctionMode

from xai_core.errors import ModelError

_RELU = frozenset({F.relu, F.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
_CLAMP = frozenset({torch.clamp, Tensor.clamp, Tensor.clamp_, torch.clamp_min, Tensor.clamp_min})
_INPLACE_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}
_INPLACE_METHODS = frozenset({Tensor.add_, Tensor.sub_, Tensor.mul_, Tensor.div_})
_INPLACE_TENSOR = _INPLACE_METHODS | {
    Tensor.__iadd__,
    Tensor.__isub__,
    Tensor.__imul__,
    Tensor.__itruediv__,
}
_RELU_MODULES = (nn.ReLU, nn.ReLU6)
_ONCE_ONLY = ("torch.nn.modules.activation", "torch.nn.modules.pooling")
# What torch.fx raises where Python code depends on values, or reaches for foreign modules.
_UNTRACEABLE = (fx.proxy.TraceError, TypeError, ValueError, NameError, RuntimeError, AttributeError)
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


def repaired(module: nn.Module, probe: Tensor) -> nn.Module:
    """A copy of ``module``, in evaluation mode, that hooks cannot be misled by.

    Every ReLU and ReLU6 of the copy is a private module used once and not in place; other
    activations and dropouts are not in place. A network that is fine keeps its classes.

    Args:
        module: [N, 3, H, W] -> logits [N, K]; it is not changed.
        probe: an input that fits; only its shape, type and device matter.

    Returns:
        A network with the same parameter names whose logits equal the original's.

    Raises:
        ModelError: the network does not run on the probe, or cannot be repaired; the sentence
            names the module at fault.
    """
    if any(isinstance(child, torch.jit.ScriptModule) for child in module.modules()):
        raise ModelError("The model is TorchScript, whose layers are hidden; give the nn.Module.")
    twin = copy.deepcopy(module).eval()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(probe.shape, generator=generator).to(probe)
    before, report = _observe(twin, noise)
    if report.clean:
        return twin
    _disable_inplace(twin)
    _separate_activations(twin)
    _, report = _observe(twin, noise)
    # Deepest first: a rewritten parent keeps the children that it had at that moment.
    for name in sorted(report.callers, key=lambda name: (name.count("."), name), reverse=True):
        if name:
            twin.set_submodule(name, _rewritten(twin.get_submodule(name), name))
    if "" in report.callers:
        twin = _rewritten(twin, "")
    after, report = _observe(twin, noise)
    if not report.clean:
        faulty = min(report.callers)
        raise ModelError(
            f"{_spoken(twin.get_submodule(faulty), faulty)} uses a ReLU, or a module with one "
            "inside, more than once; give every use its own nn.ReLU()."
        )
    if not torch.allclose(before, after, rtol=1e-5, atol=1e-6, equal_nan=True):
        raise ModelError(
            "Making the model's ReLUs separate modules changed its output; "
            "give every use its own nn.ReLU()."
        )
    return twin


def relu_report(module: nn.Module, probe: Tensor) -> ReluReport:
    """Run ``probe`` [N, 3, H, W] through ``module`` and report what would mislead hooks."""
    return _observe(module, probe)[1]


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
            if _relu_kind(func, args, kwargs) is not None:
                self._report.functional[name] += 1
                self._report.callers.add(name)
            elif func in _INPLACE_TENSOR or _is_inplace(func, args, kwargs):
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
        if calls[name] > 1 and _once_only(child):
            report.reused[name] = calls[name]
            report.callers |= callers[name]


def _observe(module: nn.Module, x: Tensor) -> tuple[Tensor, ReluReport]:
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
            f"The model cannot take an input of shape {list(x.shape)}: {_first_line(error)}"
        ) from error
    if not isinstance(logits, Tensor):
        raise ModelError("The model must return one tensor of logits in evaluation mode.")
    return logits, report


def _disable_inplace(module: nn.Module) -> None:
    for child in module.modules():
        if getattr(child, "inplace", None) is True:
            child.inplace = False  # type: ignore[assignment]


def _separate_activations(module: nn.Module) -> None:
    """Give every place where one activation object is registered an object of its own."""
    seen: set[int] = set()
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if child is None or not _once_only(child):
                continue
            if id(child) in seen:
                parent._modules[name] = copy.deepcopy(child)
            seen.add(id(child))


class _OneLevel(fx.Tracer):
    """Traces one ``forward`` and leaves the modules that it calls as they are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def _rewritten(module: nn.Module, name: str) -> fx.GraphModule:
    """``module`` with a private ReLU module at every use, and nothing done in place."""
    try:
        graph = _OneLevel().trace(module)
    except _UNTRACEABLE as error:
        raise ModelError(
            f"{_spoken(module, name)} uses a ReLU as a function, or one module twice, or works in "
            f"place, and cannot be rewritten ({_first_line(error)}); "
            "give every use its own nn.ReLU()."
        ) from error
    result = fx.GraphModule(module, graph, class_name=type(module).__name__)
    used: set[str] = set()
    for node in list(result.graph.nodes):
        if node.op == "call_module":
            target = str(node.target)
            if target in used and _once_only(child := result.get_submodule(target)):
                node.target = _add(result, target.replace(".", "_"), copy.deepcopy(child))
            used.add(target)
        elif node.op in ("call_function", "call_method"):
            _mend(result, node)
    result.recompile()
    return result


def _mend(module: fx.GraphModule, node: fx.Node) -> None:
    function = getattr(Tensor, str(node.target)) if node.op == "call_method" else node.target
    kind = _relu_kind(function, node.args, node.kwargs)
    if kind is not None:
        signal = node.args[0] if node.args else node.kwargs["input"]
        node.target = _add(module, "relu", kind())
        node.op, node.args, node.kwargs = "call_module", (signal,), {}
    elif function in _INPLACE_ARITHMETIC:
        node.target = _INPLACE_ARITHMETIC[function]
    elif function in _INPLACE_METHODS:
        node.target = str(node.target).removesuffix("_")
    elif _is_inplace(function, node.args, node.kwargs):
        bound = inspect.signature(cast(Callable[..., Any], function)).bind(
            *node.args, **node.kwargs
        )
        node.args, node.kwargs = (), {**bound.arguments, "inplace": False}


def _add(module: nn.Module, base: str, child: nn.Module) -> str:
    """Register ``child`` under ``base``, or ``base_2``, ... where that is taken."""
    name, number = base, 1
    while hasattr(module, name):
        number += 1
        name = f"{base}_{number}"
    module.add_module(name, child)
    return name


def _once_only(module: nn.Module) -> bool:
    """Whether methods attach to this kind of module, so that each use must be its own."""
    stateless = not list(module.parameters()) and not list(module.children())
    return stateless and (
        isinstance(module, _RELU_MODULES) or type(module).__module__ in _ONCE_ONLY
    )


def _relu_kind(
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


def _is_inplace(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether this is an activation function called with ``inplace=True``."""
    if getattr(function, "__module__", "") != F.__name__ or not inspect.isfunction(function):
        return False
    parameters = list(inspect.signature(function).parameters)
    # A dropout does nothing in evaluation mode, in place or not.
    if "inplace" not in parameters or "dropout" in function.__name__:
        return False
    place = parameters.index("inplace")
    return bool(args[place] if len(args) > place else kwargs.get("inplace"))


def _spoken(module: nn.Module, name: str) -> str:
    kind = type(module).__name__
    return f"The module '{name}' ({kind})" if name else f"The model itself ({kind})"


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
