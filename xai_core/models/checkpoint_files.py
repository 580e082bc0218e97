"""Files of weights that may come from anyone, read without running or trusting them.

Names and shapes come before any tensor is read, so that a small file that describes a huge
network costs nothing.
"""

from __future__ import annotations

import zipfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from threading import Lock
from typing import Any, NamedTuple, Self

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from xai_core.errors import ModelError

MAX_BYTES = 2_000_000_000
MAX_PICKLE_BYTES = 16_000_000  # names and shapes alone; the tensors lie beside them

DAMAGE = (RuntimeError, OSError, EOFError, LookupError, TypeError, ValueError, MemoryError)
_ADVICE = "save it with safetensors, or with torch.save(model.state_dict(), path)"
_allowing = Lock()  # what torch may read is said for the whole process

Key = tuple[str, ...]  # the keys of the mappings around a tensor, then its name


class Stored(NamedTuple):
    """What is known of a tensor before it is read.

    Attributes:
        shape: its shape.
        floating: whether it holds numbers with a fraction.
        ordinary: whether it is dense, real, and stored in the file.
    """

    shape: tuple[int, ...]
    floating: bool
    ordinary: bool


class WeightsFile:
    """A safetensors file, or what ``torch.save`` wrote, with everything in it that is a tensor.

    Args:
        path: the file, at most 2 GB.
        verified: its hash is known to be right; only then may it have PyTorch's format from
            before 2020, whose sizes cannot be checked without reading it.

    Attributes:
        name: the file's name.
        tensors: shape and kind of each, by the keys that lead to it. What has no name, as in the
            state of an optimizer, is there under its number.
        objects: names of the classes of other Python objects in it, which were not made.

    Raises:
        ModelError: not such a file, damaged, or without a tensor.
    """

    def __init__(self, path: Path, *, verified: bool = False) -> None:
        if not path.is_file():
            raise ModelError(f"There is no file {path}.")
        self.name = path.name
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{self.name} is larger than {MAX_BYTES / 1e9:.0f} GB.")
        self._path = path
        self._safe = _is_safetensors(path, verified)
        self.objects: tuple[str, ...] = ()
        self.tensors = self._described() if self._safe else self._walked()
        if not self.tensors:
            raise ModelError(_pickled(self.name) if self.objects else _no_state_dict(self.name))

    def read(self, keys: Iterable[Key]) -> Iterator[tuple[Key, Tensor]]:
        """The tensors under these keys, one after the other, on the CPU.

        Raises:
            ModelError: the file is damaged.
        """
        try:
            if self._safe:
                with safe_open(self._path, framework="pt") as file:
                    for key in keys:
                        yield key, file.get_tensor(key[-1])
            else:
                found = dict(_tensors_in(_loaded(self._path, "cpu")[0]))
                for key in keys:
                    yield key, found[key]
        except (SafetensorError, *DAMAGE) as error:
            raise ModelError(damaged(self.name)) from error

    def _described(self) -> dict[Key, Stored]:
        found: dict[Key, Stored] = {}
        try:
            with safe_open(self._path, framework="pt") as file:
                for key in file.keys():  # noqa: SIM118
                    part = file.get_slice(key)
                    kind = part.get_dtype()
                    found[(key,)] = Stored(
                        tuple(part.get_shape()), kind.startswith(("F", "BF")), kind[0] != "C"
                    )
        except (SafetensorError, *DAMAGE) as error:
            raise ModelError(f"{self.name} is damaged or not a safetensors file.") from error
        return found

    def _walked(self) -> dict[Key, Stored]:
        loaded, self.objects = _loaded(self._path, "meta")
        # A tensor that is not on the meta device was made by the pickle, not stored in the file.
        return {
            key: Stored(
                tuple(tensor.shape),
                tensor.is_floating_point(),
                tensor.is_meta and tensor.layout == torch.strided and not tensor.is_complex(),
            )
            for key, tensor in _tensors_in(loaded)
        }


def damaged(file: str) -> str:
    """The sentence about a file that breaks off or holds nonsense."""
    return f"{file} is damaged or incomplete."


def _no_state_dict(file: str) -> str:
    return f"{file} holds no state dict; {_ADVICE}."


def _pickled(file: str) -> str:
    return (
        f"{file} holds a whole pickled model or other Python objects, which could run code; "
        f"{_ADVICE}."
    )


def _is_safetensors(path: Path, verified: bool) -> bool:
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(b"PK\x03\x04"):
        _check_archive(path)
        return False
    if len(start) > 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < MAX_BYTES:
        return True
    if verified:
        return False
    if start[:1] == b"\x80" or start[257:262] == b"ustar":
        raise ModelError(
            f"{path.name} is a pickle in an old format, which could run code when it is opened; "
            f"{_ADVICE}."
        )
    raise ModelError(f"{path.name} is not a checkpoint; {_ADVICE}.")


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelError(damaged(path.name)) from error
    inside = {member.filename.partition("/")[2]: member for member in members}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise ModelError(f"{path.name} is a TorchScript program, not a state dict; {_ADVICE}.")
    if "archive_format" in inside or any(name.startswith(("models/", "extra/")) for name in inside):
        raise ModelError(f"{path.name} is an exported program (.pt2); {_ADVICE}.")
    if "data.pkl" not in inside:
        raise ModelError(f"{path.name} is a ZIP archive but not a checkpoint; {_ADVICE}.")
    # torch.save stores without compression: anything else could unpack to any size.
    packed = any(member.compress_type != zipfile.ZIP_STORED for member in members)
    total = sum(member.file_size for member in members)
    if packed or total > path.stat().st_size or inside["data.pkl"].file_size > MAX_PICKLE_BYTES:
        raise ModelError(f"{path.name} was not written by torch.save; {_ADVICE}.")


class _StandIn:
    """Stands where the file wants an object of a class that torch does not know as harmless."""

    def __new__(cls, *_: object) -> Self:
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        """Nothing is kept of what the object would be made from."""

    def __setstate__(self, _: object) -> None:
        """Nor of what it held."""


class _StandInMapping:
    """The same where it may be a kind of dictionary; what is put into it can be looked through."""

    def __new__(cls, *_: object) -> OrderedDict[object, object]:  # type: ignore[misc]
        return OrderedDict()


def _loaded(path: Path, device: str) -> tuple[Any, tuple[str, ...]]:
    """What was saved, and the names of classes of which nothing was made.

    Training scripts keep their arguments and metrics beside the weights. Nothing outside of torch's
    own list is imported or called for them; an object that does nothing stands in their place.
    """
    try:
        return _load(path, device), ()
    except UnpicklingError as error:
        refusal = error
    except DAMAGE as error:
        raise ModelError(damaged(path.name)) from error
    with suppress(*DAMAGE, UnpicklingError):
        names = sorted(torch.serialization.get_unsafe_globals_in_checkpoint(path))
        # Which of them are dictionaries is not in the file; arrays are none, and have states of
        # another kind.
        for kind in (_StandInMapping, _StandIn):
            allowed: list[Any] = [
                (_StandIn if name.startswith("numpy.") else kind, name) for name in names
            ]
            with (
                suppress(*DAMAGE, UnpicklingError),
                _allowing,
                torch.serialization.safe_globals(allowed),
            ):
                return _load(path, device), tuple(names)
    raise ModelError(_pickled(path.name)) from refusal


def _load(path: Path, device: str) -> Any:
    # For shapes alone, mapping the file saves reading it; the old format cannot be mapped. Weights
    # are not mapped, because nothing would see that they are shorter than the file says.
    mapped = device == "meta" and zipfile.is_zipfile(path)
    return torch.load(path, map_location=device, weights_only=True, mmap=mapped)


def _tensors_in(loaded: Any) -> Iterator[tuple[Key, Tensor]]:
    """Every tensor in nested mappings and lists; what is there twice once."""
    seen: set[int] = set()
    waiting: list[tuple[Key, Any]] = [((), loaded)]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, Tensor):
            if key:
                yield key, value
        elif isinstance(value, dict | list | tuple) and id(value) not in seen:
            seen.add(id(value))
            # Not value.items(): a file can give a dictionary an attribute of that name.
            inner = dict.items(value) if isinstance(value, dict) else enumerate(value)
            waiting += [((*key, str(name)), item) for name, item in reversed(list(inner))]
