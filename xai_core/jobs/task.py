"""What the engine can be asked to compute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from xai_core.cache import Result


@dataclass(frozen=True)
class Task:
    """One computation, small enough that a user waits for it.

    Attributes:
        key: content key of the result (``xai_core.cache.content_key``).
        run: what a worker calls, a function of a module.
        arguments: its keyword arguments, plain data; nobody changes them any more.
        cost: expected effort in passes of a network, above 0; 1 says that nobody knows.
        title: what people read while it runs.
        kept: whether the result goes to the cache, and so to the disk.
    """

    key: str
    run: Callable[..., Result]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    cost: float = 1.0
    title: str = ""
    kept: bool = True

    @property
    def function(self) -> str:
        """``run`` as "module:name", for what must not import it: the scheduler, for example."""
        return f"{self.run.__module__}:{self.run.__qualname__}"
