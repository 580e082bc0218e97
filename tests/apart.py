"""A thread of its own for what begins an event loop: the browser tests keep one in the first."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def apart(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call gives, or raises."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *arguments).result()
