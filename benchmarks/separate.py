"""Networks made fit for libraries that hook modules: every ReLU a module that is used once."""

from __future__ import annotations

import copy
import operator

import torch
from torch import fx, nn
from torch.nn import functional as F

_RELU = (F.relu, F.relu_, torch.relu, "relu", "relu_")
_OVERWRITING = {operator.iadd: operator.add}


class _OneLevel(fx.Tracer):
    """Traces one ``forward`` and leaves the modules that it calls as they are."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return True


def separated(module: nn.Module) -> nn.Module:
    """The same module with its forward rewritten where it calls a ReLU function, or one twice.

    What ``torch.fx`` cannot trace stays as it is. The module given is changed.
    """
    for child in module.modules():
        if getattr(child, "inplace", None) is True:
            child.inplace = False  # type: ignore[assignment]
    names = [name for name, _ in module.named_modules() if name]
    for name in sorted(names, key=lambda name: name.count("."), reverse=True):
        child = module.get_submodule(name)
        if not type(child).__module__.startswith("torch.nn"):
            module.set_submodule(name, _rewritten(child))
    return _rewritten(module)


def _rewritten(module: nn.Module) -> nn.Module:
    try:
        graph = _OneLevel().trace(module)
    except (fx.proxy.TraceError, TypeError, ValueError, NameError, RuntimeError, AttributeError):
        return module
    result = fx.GraphModule(module, graph, class_name=type(module).__name__)
    used: set[str] = set()
    for node in list(graph.nodes):
        called = str(node.target)
        if node.op in ("call_function", "call_method") and node.target in _RELU:
            node.target = _added(result, nn.ReLU())
            node.op, node.args, node.kwargs = "call_module", (node.args[0],), {}
        elif node.op == "call_function" and node.target in _OVERWRITING:
            node.target = _OVERWRITING[node.target]
        elif node.op == "call_module":
            child = result.get_submodule(called)
            if called in used and isinstance(child, nn.ReLU | nn.ReLU6):
                node.target = _added(result, copy.deepcopy(child))
            used.add(called)
    result.recompile()
    return result


def _added(module: nn.Module, child: nn.Module) -> str:
    number = 1
    while hasattr(module, name := f"relu_own_{number}"):
        number += 1
    module.add_module(name, child)
    return name
