"""Every torch function that a network calls, and the layer that calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xai_core.models.trees import tensors

Function = Callable[..., Any]


class Intercepting(TorchFunctionMode):
    """Within the block every torch function that is called goes through ``call``."""

    def __torch_function__(
        self,
        func: Function,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return self.call(func, args, kwargs or {})

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """What the caller gets in the place of ``func(*args, **kwargs)``."""
        return func(*args, **kwargs)


@dataclass(frozen=True)
class Call:
    """One call of a torch function.

    Attributes:
        function: what was called.
        layer: dotted name of the module that was running; "" for the network itself.
        given: the tensors among its arguments.
        result: what it returned.
    """

    function: Function
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
def running_layers(
    module: nn.Module,
    begins: Callable[[str], object] = lambda name: None,
    ends: Callable[[str, Any], object] = lambda name, output: None,
) -> Iterator[Running]:
    """Within the block one knows which of a network's modules are running.

    After an error, the ``Running`` still tells which layer failed.

    Args:
        module: the network.
        begins: called with the dotted name of every module that begins to run.
        ends: called with the name and what the module gave.
    """
    running = Running()

    def entered(name: str) -> None:
        running.names.append(name)
        begins(name)

    def left(name: str, output: Any) -> None:
        running.names.pop()
        ends(name, output)

    handles = []
    for name, child in module.named_modules():
        handles.append(child.register_forward_pre_hook(lambda _, __, name=name: entered(name)))
        handles.append(
            child.register_forward_hook(lambda _, __, output, name=name: left(name, output))
        )
    try:
        yield running
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def observed(
    module: nn.Module,
    observer: Callable[[Call], object],
    begins: Callable[[str], object] = lambda name: None,
) -> Iterator[Running]:
    """Within the block, ``observer`` gets every torch function that ``module`` calls.

    ``begins`` and what the block is given are those of ``running_layers``.
    """
    with running_layers(module, begins) as running, _Observing(observer, running):
        yield running


class _Observing(Intercepting):
    def __init__(self, observer: Callable[[Call], object], running: Running) -> None:
        super().__init__()
        self._observer, self._running = observer, running

    def call(self, func: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        result = func(*args, **kwargs)
        self._observer(Call(func, self._running.layer, tensors((args, kwargs)), result))
        return result


def function_name(function: Function) -> str:
    """What people call a torch function; of an attribute such as ``x.data``, its name."""
    name = getattr(function, "__name__", str(function))
    if name in ("__get__", "__set__"):
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    return str(name).strip("_")


def step_label(name: str, layer: str) -> str:
    """A step in words, for errors."""
    return f"'{name}' in layer '{layer}'" if layer else f"'{name}' in the model"
