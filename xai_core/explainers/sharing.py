"""What several methods need of the same pictures is computed once.

Within ``Sharing.active`` a function marked ``shared`` computes once for the same arguments,
and can ask what else is wanted (``requested``), to compute for the others what it computes
anyway. Outside it is a plain function.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from torch import Tensor

from xai_core.models.tape import Tape

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")
Requests = Mapping[str, Mapping[str, Any]]


@dataclass
class Stretch:
    """A stretch of computing, from its beginning to its end.

    Attributes:
        began: by the performance counter.
        within: seconds of it that shared functions took which it called.
        used: keys of everything shared that it needed, computed now or before.
    """

    began: float = field(default_factory=lambda: time.perf_counter())
    within: float = 0.0
    used: set[Any] = field(default_factory=set)

    @property
    def seconds(self) -> float:
        """Seconds since its beginning."""
        return time.perf_counter() - self.began


@dataclass(frozen=True)
class SharedResult:
    """A result that is shared.

    Attributes:
        arguments: kept too, so that no other tensor gets the id of one of them.
        value: the result.
        seconds: what it took, without what it needed of other shared results.
        used: keys of these, and its own.
    """

    arguments: Any
    value: Any
    seconds: float
    used: set[Any]


@dataclass
class Sharing:
    """Explanations of the same pictures and classes by one model.

    Attributes:
        requests: all settings of every wanted method, by its id.
        known: the tape of a network that shares some of the model's weights.
    """

    requests: Requests
    known: Tape | None = None
    _memo: dict[Any, SharedResult] = field(default_factory=dict)
    _stretches: list[Stretch] = field(default_factory=list)

    @contextmanager
    def active(self) -> Iterator[None]:
        """Within the block, shared functions compute once."""
        token = _current.set(self)
        self._stretches = [Stretch()]
        try:
            yield
        finally:
            _current.reset(token)

    def seconds(self) -> tuple[float, float]:
        """Computing time since ``active`` began: own, and of all shared results that were used.

        What was computed for an earlier block counts as if it had been computed in this one.
        """
        block = self._stretches[0]
        return block.seconds - block.within, sum(self._memo[key].seconds for key in block.used)

    @property
    def keeps(self) -> bool:
        """Whether there is anything to forget."""
        return bool(self._memo)

    def forget(self) -> None:
        """Free what was kept."""
        self._memo.clear()

    def once(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """``function(*args, **kwargs)``, computed now or before."""
        # Not by the classifier, the first argument: it is a private twin, of the same model.
        named = ((name, _identity(value)) for name, value in kwargs.items())
        key = (function, *map(_identity, args[1:]), *named)
        if key not in self._memo:
            stretch = Stretch()
            self._stretches.append(stretch)
            try:
                value = function(*args, **kwargs)
            finally:
                self._stretches.pop()
                seconds = stretch.seconds
                self._stretches[-1].within += seconds
            used = stretch.used | {key}
            self._memo[key] = SharedResult(args, value, seconds - stretch.within, used)
        self._stretches[-1].used |= self._memo[key].used
        return self._memo[key].value


_current: ContextVar[Sharing | None] = ContextVar("sharing", default=None)


def shared(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """Let ``function(clf, ...)`` be computed once where results are shared."""

    @functools.wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        sharing = _current.get()
        if sharing is None:
            return function(*args, **kwargs)
        return sharing.once(function, args, kwargs)

    return once


def requested() -> Requests:
    """Everything wanted of the same pictures, by method id; empty where nothing is shared."""
    sharing = _current.get()
    return {} if sharing is None else sharing.requests


def known_tape(x: Tensor) -> Tape | None:
    """The tape of another network with some of the same weights, run on this very ``x``."""
    sharing = _current.get()
    known = None if sharing is None else sharing.known
    return known if known is not None and known.values[0] is x else None


@contextmanager
def alone() -> Iterator[None]:
    """Within the block nothing is shared: for pictures that are used once."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def _identity(value: Any) -> Any:
    return id(value) if isinstance(value, Tensor) else value
