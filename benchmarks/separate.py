"""Networks made fit for libraries that hook modules: every ReLU a module that is used once."""

from __future__ import annotations

import copy
import operator
from collections import OrderedDict
from collections.abc import Callable

import torch
from timm.layers.norm_act import BatchNormAct2d
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
    return _everywhere(module, _with_own_relus)


def parted(network: nn.Module) -> nn.Module:
    """The same network with timm's BatchNorm and activation in one as the modules they are.

    The module given is changed.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, BatchNormAct2d):
            plain = nn.BatchNorm2d(module.num_features, module.eps).to(module.weight.dtype)
            plain.load_state_dict(module.state_dict())
            parts = {"norm": plain.eval(), "drop": module.drop, "act": module.act}
            network.set_submodule(name, nn.Sequential(OrderedDict(parts)))
    return network


def added_by(make: Callable[[], nn.Module], network: nn.Module) -> nn.Module:
    """The same network with a module in place of every + of two tensors.

    What ``torch.fx`` cannot trace stays as it is. The module given is changed.
    """

    def with_sums(block: fx.GraphModule) -> None:
        for node in block.graph.nodes:
            if node.target in (operator.add, operator.iadd):
                node.op, node.target = "call_module", _added(block, make())

    return _everywhere(network, with_sums)


def _everywhere(module: nn.Module, change: Callable[[fx.GraphModule], None]) -> nn.Module:
    """Change what every block calls, the inner ones first."""
    names = [name for name, _ in module.named_modules() if name]
    for name in sorted(names, key=lambda name: name.count("."), reverse=True):
        child = module.get_submodule(name)
        if not type(child).__module__.startswith("torch.nn"):
            module.set_submodule(name, _changed(child, change))
    return _changed(module, change)


def _changed(module: nn.Module, change: Callable[[fx.GraphModule], None]) -> nn.Module:
    try:
        graph = _OneLevel().trace(module)
    except (fx.proxy.TraceError, TypeError, ValueError, NameError, RuntimeError, AttributeError):
        return module
    result = fx.GraphModule(module, graph, class_name=type(module).__name__)
    change(result)
    result.recompile()
    return result


def _with_own_relus(result: fx.GraphModule) -> None:
    used: set[str] = set()
    for node in list(result.graph.nodes):
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


def _added(module: nn.Module, child: nn.Module) -> str:
    number = 1
    while hasattr(module, name := f"own_{number}"):
        number += 1
    module.add_module(name, child)
    return name
