"""How much memory a computation takes, and how much it may take."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from xai_core.device import CPU, SHARE, free_bytes
from xai_core.errors import MethodError
from xai_core.models.trees import tensors

VARIABLE = "XAI_MEMORY"
DEFAULT = "1 GiB"
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|ki|mi|gi|)b?", re.IGNORECASE)


def allowed_bytes(device: torch.device = CPU) -> int:
    """Bytes that a method's internal batches may take: ``XAI_MEMORY``, or else 1 GiB.

    On a card it is half of what is free there, and no more than ``XAI_MEMORY`` if that is set.

    Raises:
        MethodError: ``XAI_MEMORY`` is not a size such as "512 MiB" or "2 GB".
    """
    wanted = os.environ.get(VARIABLE, "").strip()
    free = free_bytes(device)
    if free is None:
        return _size(wanted or DEFAULT)
    share = int(SHARE * free)
    return min(share, _size(wanted)) if wanted else share


def _size(wanted: str) -> int:
    size = _SIZE.fullmatch(wanted)
    if size is None or float(size[1]) == 0:
        raise MethodError(
            f"{VARIABLE} is '{wanted}', which is not a size; write for example '{DEFAULT}'."
        )
    return int(float(size[1]) * _UNITS[size[2].lower()])


def bytes_of(run: Callable[[], object]) -> int:
    """The most bytes that tensors made by ``run`` take at once."""
    meter = Meter()
    with meter:
        run()
    return meter.peak


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within the block, counts the bytes of the tensors that come to be and go again.

    Those that a gradient needs and those of the backward pass are counted, the inner working
    space of a convolution is not.

    Attributes:
        live: bytes of the tensors made in the block that still exist.
        peak: the most that ``live`` was.

    Example:
        >>> with Meter() as meter:
        ...     net(x)
        >>> meter.peak
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live: int = 0
        self.peak: int = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled; torch would load its compiler here for a second

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count what it made; what it was given is not new."""
        for tensor in tensors((args, kwargs)):
            self._known.add(tensor.untyped_storage())
        result = func(*args, **(kwargs or {}))
        for tensor in tensors(result):
            storage = tensor.untyped_storage()
            if storage not in self._known:
                self._known.add(storage)
                self.live += storage.nbytes()
                weakref.finalize(storage, self._gone, storage.nbytes())
        self.peak = max(self.peak, self.live)
        return result

    def _gone(self, size: int) -> None:
        self.live -= size
