"""Networks made fit for hooks: every ReLU a module of its own, nothing done in place.

Hook-based attribution silently fails on a ReLU that is a function, is called more than once,
or overwrites its input (S section 7.1.2). A network is watched while it runs; the
modules whose ``forward`` does such a thing are rewritten one by one with ``torch.fx``, their
children untouched, so that names, weights and the hierarchy stay what they were.
"""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx, nn

from xai_core.errors import ModelError
from xai_core.models.watch import (
    INPLACE_METHODS,
    first_line,
    is_inplace,
    observe,
    once_only,
    relu_kind,
)

_INPLACE_ARITHMETIC: dict[Any, Callable[..., Any]] = {
    operator.iadd: operator.add,
    operator.isub: operator.sub,
    operator.imul: operator.mul,
    operator.itruediv: operator.truediv,
}
# What torch.fx raises where Python code depends on values, or reaches for foreign modules.
_UNTRACEABLE = (fx.proxy.TraceError, TypeError, ValueError, NameError, RuntimeError, AttributeError)


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
    before, report = observe(twin, noise)
    if report.clean:
        return twin
    _disable_inplace(twin)
    _separate_activations(twin)
    _, report = observe(twin, noise)
    # Deepest first: a rewritten parent keeps the children that it had at that moment.
    for name in sorted(report.callers, key=lambda name: (name.count("."), name), reverse=True):
        if name:
            twin.set_submodule(name, _rewritten(twin.get_submodule(name), name))
    if "" in report.callers:
        twin = _rewritten(twin, "")
    after, report = observe(twin, noise)
    if not report.clean:
        faulty = min(report.callers, default="")
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


def _disable_inplace(module: nn.Module) -> None:
    for child in module.modules():
        if getattr(child, "inplace", None) is True:
            child.inplace = False  # type: ignore[assignment]


def _separate_activations(module: nn.Module) -> None:
    """Give every place where one activation object is registered an object of its own."""
    seen: set[int] = set()
    for parent in list(module.modules()):
        for name, child in parent._modules.items():
            if child is None or not once_only(child):
                continue
            if id(child) in seen:
                parent._modules[name] = copy.deepcopy(child)
            seen.add(id(child))


class _OneLevel(fx.Tracer):
    """Traces one ``forward`` and leaves the modules that it calls as they are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


class _Rewritten(fx.GraphModule):
    """A module with a rewritten ``forward``; copies keep the name of the original class."""

    def __deepcopy__(self, memo: dict[int, Any]) -> _Rewritten:
        # fx names every copy "GraphModule", and a twin would get another fingerprint.
        result = cast(_Rewritten, super().__deepcopy__(memo))
        type(result).__name__ = type(self).__name__
        return result


def _rewritten(module: nn.Module, name: str) -> _Rewritten:
    """``module`` with a private ReLU module at every use, and nothing done in place."""
    try:
        graph = _OneLevel().trace(module)
    except _UNTRACEABLE as error:
        raise ModelError(
            f"{_spoken(module, name)} uses a ReLU as a function, or one module twice, or works in "
            f"place, and cannot be rewritten ({first_line(error)}); "
            "give every use its own nn.ReLU()."
        ) from error
    result = _Rewritten(module, graph, class_name=type(module).__name__)
    used: set[str] = set()
    for node in list(result.graph.nodes):
        if node.op == "call_module":
            target = str(node.target)
            if target in used and once_only(child := result.get_submodule(target)):
                node.target = _add(result, target.replace(".", "_"), copy.deepcopy(child))
            used.add(target)
        elif node.op in ("call_function", "call_method"):
            _mend(result, node)
    result.recompile()
    return result


def _mend(module: fx.GraphModule, node: fx.Node) -> None:
    method = node.op == "call_method"
    function = getattr(Tensor, str(node.target), None) if method else node.target
    kind = relu_kind(function, node.args, node.kwargs)
    if kind is not None:
        signal = node.args[0] if node.args else node.kwargs["input"]
        node.target = _add(module, "relu", kind())
        node.op, node.args, node.kwargs = "call_module", (signal,), {}
    elif function in _INPLACE_ARITHMETIC:
        node.target = _INPLACE_ARITHMETIC[function]
    elif method and function in INPLACE_METHODS:
        node.target = str(node.target).removesuffix("_")
    elif is_inplace(function, node.args, node.kwargs):
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


def _spoken(module: nn.Module, name: str) -> str:
    kind = type(module).__name__
    return f"The module '{name}' ({kind})" if name else f"The model itself ({kind})"
