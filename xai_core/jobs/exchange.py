"""What travels to a worker and back, and what lies in the cache's folder instead.

A worker that sees the folder keeps results there itself and tells only that they are there; large
arrays, as pictures, are written there once, however many tasks need them. To one that does not
see it, on another machine, everything travels.
"""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from xai_core.cache import Cache, Result, content_key
from xai_core.jobs.task import Task
from xai_core.sources import SOURCES

LARGE = 2**16  # bytes; below that an array is sent as quickly as it is looked up
REMEMBERED = 64 * 2**20  # bytes of arrays in a worker
ARRAY = "array"


@dataclass(frozen=True)
class Place:
    """A cache's folder, and a file there by which a worker knows that it sees the same one."""

    folder: str
    disk_bytes: int
    token: str


@dataclass(frozen=True)
class Stored:
    """Stands for an array that lies in the cache under this key."""

    key: str


@dataclass(frozen=True)
class Parcel:
    """One task as it travels.

    Attributes:
        function: "module:name" of what is called.
        arguments: its keyword arguments, with ``Stored`` in the place of large arrays.
        key: under which the result is kept; "" if it is not to be kept.
        place: where; None if the whole result is to be returned.
        topic: name under which the engine listens for progress.
        ticket: what the engine calls this task.
        sources: the engine's ``SOURCES``, which are part of the key.
    """

    function: str
    arguments: dict[str, Any]
    key: str
    place: Place | None
    topic: str
    ticket: str
    sources: str


@dataclass(frozen=True)
class Answer:
    """What a worker returns.

    Attributes:
        result: None if it lies in the cache.
        kept: whether there is nothing of it left to be kept.
    """

    result: Result | None
    kept: bool


class ElsewhereError(Exception):
    """The worker does not see the cache's folder, or not what should lie there."""


class Sender:
    """The engine's side.

    Args:
        cache: where results and large arrays lie.
        topic: name under which the engine listens for progress.
    """

    def __init__(self, cache: Cache, topic: str) -> None:
        self._cache = cache
        self._topic = topic
        self._token = cache.folder / f"{uuid.uuid4().hex}.token"
        self._place = self._open()
        self._keys: dict[int, tuple[weakref.ref[NDArray[Any]], str]] = {}

    def _open(self) -> Place | None:
        try:
            self._token.parent.mkdir(parents=True, exist_ok=True)
            self._token.touch()
        except OSError:  # the cache has told, or will tell, its log of it
            return None
        return Place(str(self._cache.folder.resolve()), self._cache.disk_bytes, self._token.name)

    def parcel(self, task: Task, ticket: str, apart: bool) -> Parcel:
        """A task as it travels.

        Args:
            task: what is to be computed.
            ticket: what the engine calls it.
            apart: whether the worker does not see the cache's folder.
        """
        place = None if apart else self._place
        arguments = dict(task.arguments)
        if place is not None:
            arguments = replaced(arguments, np.ndarray, self._stored)
        key = task.key if task.kept else ""
        return Parcel(task.function, arguments, key, place, self._topic, ticket, SOURCES)

    def _stored(self, array: NDArray[Any]) -> NDArray[Any] | Stored:
        if array.nbytes < LARGE or array.dtype.hasobject:
            return array
        known = self._keys.get(id(array))
        if known is None:
            number = id(array)
            forget = weakref.ref(array, lambda _: self._keys.pop(number, None))
            known = self._keys[number] = (forget, content_key(ARRAY, array))
        key = known[1]
        there = self._cache.on_disk(key) or self._cache.put(key, Result({ARRAY: array}))
        return Stored(key) if there else array

    def close(self) -> None:
        """Leave nothing but what the cache keeps."""
        self._token.unlink(missing_ok=True)


def keep(cache: Cache, key: str, result: Result) -> bool:
    """Keep a result, or its parts in its place; whether all of it is on the disk.

    Raises:
        TypeError: it has no place there.
    """
    written = [cache.put(name, one) for name, one in (result.parts or {key: result}).items()]
    return all(written)


def without_parts(result: Result) -> Result:
    """A result with its parts' facts alone, because their arrays may be many."""
    parts = {key: part.facts for key, part in result.parts.items()}
    return Result(result.arrays, {**result.facts, "parts": parts}) if parts else result


_arrays: LRUCache[str, NDArray[Any]] = LRUCache(REMEMBERED, getsizeof=lambda array: array.nbytes)


@lru_cache
def _opened(folder: str, disk_bytes: int) -> Cache:
    return Cache(folder, disk_bytes, memory_bytes=0)


def unpacked(parcel: Parcel) -> dict[str, Any]:
    """In a worker: the arguments, with all arrays.

    Raises:
        ElsewhereError: the folder is not seen here, or an array is not there.
    """
    place = parcel.place
    if place is None:
        return parcel.arguments
    if not os.path.exists(Path(place.folder) / place.token):
        raise ElsewhereError()
    cache = _opened(place.folder, place.disk_bytes)
    found: dict[str, Any] = replaced(parcel.arguments, Stored, lambda one: _array(cache, one.key))
    return found


def _array(cache: Cache, key: str) -> NDArray[Any]:
    array = _arrays.get(key)
    if array is None:
        stored = cache.get(key)
        if stored is None:
            raise ElsewhereError()
        array = stored.arrays[ARRAY]
        if array.nbytes <= REMEMBERED:
            _arrays[key] = array
    return array.copy()  # a task may write into it


def answer(parcel: Parcel, result: Result) -> Answer:
    """In a worker: keep what can be kept here; what is to be returned.

    Raises:
        TypeError: the result has no place in the cache.
    """
    if not (result.parts or (parcel.key and (result.arrays or result.facts))):
        return Answer(result, kept=True)
    if parcel.place is not None:
        cache = _opened(parcel.place.folder, parcel.place.disk_bytes)
        if keep(cache, parcel.key, result):
            return Answer(without_parts(result) if result.parts else None, kept=True)
    return Answer(result, kept=False)


def replaced(value: Any, kind: type, by: Callable[[Any], Any]) -> Any:
    """``value`` with everything of a kind replaced, within dictionaries, lists and tuples."""
    if isinstance(value, kind):
        return by(value)
    if isinstance(value, dict):
        return {key: replaced(one, kind, by) for key, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(replaced(one, kind, by) for one in value)
    return value
