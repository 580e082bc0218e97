"""Results kept by content: the same question is computed once.

A key is a hash of everything that decides the answer (``content_key``), so an entry never goes
stale; the oldest ones are dropped when the space is used up.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
import threading
import time
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from platformdirs import user_cache_path

from xai_core.sources import SOURCES

log = logging.getLogger(__name__)

_FACTS = "facts"
_ARRAY = "array."
_ABANDONED_S = 3600.0


@dataclass(frozen=True)
class Result:
    """What a computation gives: arrays by name, and facts that JSON can hold.

    A computation that answers several questions at once gives a result for each of them in
    ``parts``, by content key; these are kept, and the whole is not.
    """

    arrays: dict[str, NDArray[Any]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Result] = field(default_factory=dict)

    def copy(self) -> Result:
        """A twin whose arrays and dictionaries can be changed freely."""
        arrays = {name: array.copy() for name, array in self.arrays.items()}
        return Result(arrays, json.loads(json.dumps(self.facts)))

    @property
    def nbytes(self) -> int:
        """Size in memory, in bytes."""
        facts = len(json.dumps(self.facts))
        return facts + sum(array.nbytes for array in self.arrays.values())


def content_key(*parts: Any) -> str:
    """Hash of everything that decides a result, the program that computes it among it.

    After a change of the package's sources, or of torch, the same question has another key: what
    a method gave before it was corrected is not found again.

    Args:
        parts: numbers, strings, None, bytes, NumPy arrays and tensors (by type, shape and
            values), and lists and dictionaries of these; the order of a dictionary is ignored.

    Returns:
        64 hexadecimal digits.

    Raises:
        TypeError: a part is none of these.
    """
    text = json.dumps([SOURCES, *parts], sort_keys=True, default=_as_json)
    return hashlib.sha256(text.encode()).hexdigest()


def _as_json(value: Any) -> Any:
    if hasattr(value, "detach"):  # a torch tensor, without importing torch here
        value = value.detach().cpu().numpy()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        digest = hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        return {"array": [value.dtype.str, list(value.shape), digest]}
    if isinstance(value, bytes):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    raise TypeError(f"A {type(value).__name__} has no place in a cache key.")


def default_folder() -> Path:
    """``XAI_CACHE`` if it is set, otherwise the platform's cache folder."""
    given = os.environ.get("XAI_CACHE")
    return Path(given or user_cache_path("xai-workbench", appauthor=False, opinion=False))


class Cache:
    """Results on disk, the latest also in memory; safe for threads and for several processes.

    A file appears under its name only when it is complete; one that cannot be read counts as
    missing and is removed. When the space is used up, the entries longest unused go first.

    Args:
        folder: where the files are; ``default_folder()`` if not given.
        disk_bytes: most bytes on disk.
        memory_bytes: most bytes in memory.
    """

    def __init__(
        self,
        folder: Path | str | None = None,
        disk_bytes: int = 8 * 2**30,
        memory_bytes: int = 64 * 2**20,
    ) -> None:
        self.folder = default_folder() if folder is None else Path(folder)
        self.disk_bytes = disk_bytes
        self._memory: LRUCache[str, Result] = LRUCache(memory_bytes, lambda one: one.nbytes)
        # Room left free by each clearing, so that the folder is not listed on every put.
        self._slack = disk_bytes // 32
        self._written_since_clearing = self._slack
        self._lock = threading.Lock()

    def __contains__(self, key: str) -> bool:
        with self._lock:
            return key in self._memory or self.on_disk(key)

    def on_disk(self, key: str) -> bool:
        """Whether other processes find a result under ``key``."""
        return self._path(key).exists()

    def facts(self, key: str) -> dict[str, Any] | None:
        """The facts of the result kept under ``key``, without reading its arrays; or None."""
        with self._lock:
            result = self._memory.get(key)
            if result is None:
                result = self._read(key, arrays=False)
            self._touch(key)
            return None if result is None else Result(facts=result.facts).copy().facts

    def get(self, key: str) -> Result | None:
        """The result kept under ``key``, or None; the caller may change what is returned."""
        with self._lock:
            result = self._memory.get(key)
            if result is None:
                result = self._read(key)
                if result is None:
                    return None
            self._remember(key, result)
            self._touch(key)
            return result.copy()

    def put(self, key: str, result: Result) -> bool:
        """Keep ``result`` under ``key``. A disk that is full or read-only is logged, not raised.

        Returns:
            Whether it is on the disk now.

        Raises:
            TypeError: an array holds Python objects, or a fact does not fit into JSON.
        """
        for name, array in result.arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"The array '{name}' holds Python objects.")
        result = result.copy()
        with self._lock:
            self._remember(key, result)
            try:
                return self._write(key, result)
            except OSError as error:
                log.warning("A result could not be kept in %s: %s", self.folder, error)
                return False

    def reread(self, key: str) -> None:
        """Take what is kept under ``key`` from the disk next time: another process wrote it."""
        with self._lock:
            self._memory.pop(key, None)

    def _path(self, key: str) -> Path:
        return self.folder / f"{hashlib.sha256(key.encode()).hexdigest()}.npz"

    def _remember(self, key: str, result: Result) -> None:
        self._memory.pop(key, None)
        with suppress(ValueError):  # larger than the whole memory
            self._memory[key] = result

    def _read(self, key: str, arrays: bool = True) -> Result | None:
        path = self._path(key)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        except OSError as error:  # too many open files, say: nothing is wrong with this one
            log.warning("A cache file could not be opened: %s (%s)", path, error)
            return None
        try:
            with file, np.load(file, allow_pickle=False) as stored:
                facts = json.loads(stored[_FACTS].tobytes())
                names = [name for name in stored.files if arrays and name.startswith(_ARRAY)]
                return Result({name.removeprefix(_ARRAY): stored[name] for name in names}, facts)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            log.warning("A damaged cache file was removed: %s (%s)", path, error)
            _remove(path)
            return None

    def _touch(self, key: str) -> None:
        # The modification time records the last use: access times are often switched off.
        try:
            os.utime(self._path(key))
        except OSError:
            log.debug("No file to mark as used for key %s.", key)

    def _write(self, key: str, result: Result) -> bool:
        if result.nbytes > self.disk_bytes - self._slack:
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        members = {_ARRAY + name: array for name, array in result.arrays.items()}
        members[_FACTS] = np.frombuffer(json.dumps(result.facts).encode(), np.uint8)
        with tempfile.NamedTemporaryFile(
            dir=self.folder, prefix="unfinished-", suffix=".tmp", delete=False
        ) as file:
            temporary = Path(file.name)
        try:
            with temporary.open("wb") as stream:
                np.savez(stream, **members)  # type: ignore[arg-type]
            size = temporary.stat().st_size
            self._written_since_clearing += size
            if self._written_since_clearing > self._slack:
                self._clear(room=size)
            os.replace(temporary, self._path(key))
            return True
        finally:
            temporary.unlink(missing_ok=True)

    def _clear(self, room: int) -> None:
        """Drop the entries longest unused until ``room`` and the slack are free."""
        entries: list[tuple[float, int, Path]] = []
        for path in self.folder.iterdir():
            try:
                facts = path.stat()
            except FileNotFoundError:
                continue
            if path.suffix == ".npz":
                entries.append((facts.st_mtime, facts.st_size, path))
            elif path.suffix == ".tmp" and time.time() - facts.st_mtime > _ABANDONED_S:
                _remove(path)
        excess = sum(size for _, size, _ in entries) + room + self._slack - self.disk_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                break
            _remove(path)
            excess -= size
        self._written_since_clearing = 0


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("A cache file could not be removed: %s", error)
