"""How far a long computation has come, told to whoever listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Callable[[float], None]) -> Iterator[None]:
    """Within the block, ``advance`` calls ``listener`` with the share done, 0 to 1."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


@contextmanager
def portion(begin: float, end: float) -> Iterator[None]:
    """Within the block, the whole of ``advance`` is this part, 0 to 1, of the whole outside."""
    outside = _listener.get()
    if outside is None:
        yield
        return
    with listening(lambda share: outside(begin + share * (end - begin))):
        yield


def advance(done: float, total: float) -> None:
    """Tell the listener, if there is one, that ``done`` of ``total`` steps are finished."""
    listener = _listener.get()
    if listener is not None:
        listener(done / total)


class Meter:
    """Is told how far a sequence of tasks has come; this one says nothing of it."""

    def step(self, title: str) -> AbstractContextManager[None]:
        """The next task is done inside the block, and listens to its progress."""
        return nullcontext()

    def skip(self, title: str) -> None:
        """The next task is done already."""
