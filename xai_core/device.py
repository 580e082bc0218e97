"""What computes: the processor, or a graphics card by CUDA or MPS; and the memory it has free.

``XAI_DEVICE`` names it: "auto" (as if it were not set), "cpu", "cuda", "cuda:1" or "mps". It is
read by the process that computes, a worker or a command, and by nobody else. ``python -m
xai_core.device`` tells how many local workers have a card of their own.

A result is the same wherever it is computed, up to rounding: models are checked, and known by
their weights, before they are moved; pictures are made into network input, and random numbers
drawn, on the processor; and a card computes in full float32 (``exactly``). As two processors
differ by rounding too, and share what is kept, the device is no part of a result's key.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TypeVar

import torch

from xai_core.allocation import WORKER
from xai_core.errors import DeviceError, DeviceMemoryError

log = logging.getLogger(__name__)

VARIABLE = "XAI_DEVICE"
AUTO = "auto"
CPU = torch.device("cpu")
# Of what is free. The rest is for what no tensor shows, such as a convolution's working space,
# and for other processes on the same card; where it is too much, batches are halved.
SHARE = 0.5
_WORD = re.compile(r"cpu|cuda(?::\d+)?|mps(?::0)?", re.ASCII)
_EXHAUSTED = ("out of memory", "allocate memory", "not enough memory")

Made = TypeVar("Made")


def chosen() -> torch.device:
    """The device of ``XAI_DEVICE``. Of several cards each local worker takes its own.

    With "auto" a card that cannot compute is left alone, and the log says so.

    Raises:
        DeviceError: there is no such device, or it cannot compute.
    """
    word = os.environ.get(VARIABLE, "").strip().lower() or AUTO
    return _chosen(word, int(os.environ.get(WORKER, "0")))


@lru_cache
def _chosen(word: str, worker: int) -> torch.device:
    if word != AUTO and not _WORD.fullmatch(word):
        raise DeviceError(f"{VARIABLE} is '{word}', which is no device; {_there_is()}")
    device = _named(word, worker)
    exactly(device)
    problem = _problem(device, word)
    if problem and word == AUTO:
        log.warning("%s; the processor computes instead.", problem)
        device = CPU
    elif problem:
        raise DeviceError(f"{problem}; {_there_is()}")
    return device


def _named(word: str, worker: int) -> torch.device:
    if word == AUTO:
        word = "cuda" if _cards() else "mps" if torch.backends.mps.is_available() else "cpu"
    if word == "cuda":
        return torch.device("cuda", worker % max(1, _cards()))
    return torch.device(word.removesuffix(":0") if word.startswith("mps") else word)


def _cards() -> int:
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _problem(device: torch.device, word: str) -> str:
    """Why it cannot compute, in a sentence without its full stop; "" if it can."""
    there = {"cuda": _cards(), "mps": int(torch.backends.mps.is_available())}
    if (device.index or 0) >= there.get(device.type, 1):
        return f"{VARIABLE} is '{word}', which this machine does not have"
    try:
        ones = torch.ones(2, 2).to(device)
        sums = (ones @ ones).tolist()
    except RuntimeError as error:
        return f"{device} cannot compute ({first_line(error)})"
    return "" if sums == [[2.0, 2.0]] * 2 else f"{device} cannot compute (it gave {sums})"


def _there_is() -> str:
    names = [f"cuda:{number} ({torch.cuda.get_device_name(number)})" for number in range(_cards())]
    names += ["mps"] if torch.backends.mps.is_available() else []
    return f"there is {', '.join([AUTO, 'cpu', *names])}."


def first_line(error: BaseException) -> str:
    """What an error of torch says, without the pages below it and the last full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def exactly(device: torch.device) -> None:
    """Have a card compute in this process as a processor does, and the same in every run.

    In full float32 instead of TensorFloat-32, which keeps 10 of 23 digits; by the same algorithm
    for the same shapes; and in a fixed order of summing wherever torch has one.
    """
    if device.type != "cuda":
        return
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    # Attention by plain products; its other ways round more, or add in any order on the way back.
    torch.backends.cuda.enable_flash_sdp(False)
    torch.backends.cuda.enable_mem_efficient_sdp(False)
    torch.backends.cuda.enable_cudnn_sdp(False)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read with the first product
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    # What has no fixed order differs by rounding.
    warnings.filterwarnings("ignore", ".*does not have a deterministic implementation.*")


def has_float64(device: torch.device) -> bool:
    """Whether it computes in double precision, which MPS does not."""
    return device.type != "mps"


def free_bytes(device: torch.device) -> int | None:
    """Memory that tensors can still take there; None for the processor, which is not asked."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        # torch keeps what its tensors have given back, for the next ones.
        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + kept)
    if device.type == "mps":
        return max(0, torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory; torch says it in words."""
    if isinstance(error, DeviceMemoryError | torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(w in str(error).lower() for w in _EXHAUSTED)


def release() -> None:
    """Give memory back to the cards that no tensor holds."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    elif torch.backends.mps.is_available():
        torch.mps.empty_cache()


def pieces(
    count: int, size: int, run: Callable[[int, int], Made]
) -> Iterator[tuple[int, int, Made]]:
    """Do ``count`` things in equal pieces as far as they go, in halves where memory is too little.

    Args:
        count: how many.
        size: most of a piece.
        run: does those from a first up to a last one, which is not done.

    Yields:
        First, last, and what ``run`` gave.

    Raises:
        RuntimeError, DeviceMemoryError: there is not enough memory for one.
    """
    start = 0
    while start < count:
        left = count - start
        end = start + -(-left // -(-left // size))
        try:
            made = run(start, end)
        except (RuntimeError, MemoryError, DeviceMemoryError) as error:
            if end - start == 1 or not is_out_of_memory(error):
                raise
            size = (end - start) // 2
        else:
            yield start, end, made
            start = end
            continue
        # Only now is nothing held any more by the error.
        release()


@contextmanager
def memory_told(device: torch.device, what: str) -> Iterator[None]:
    """Within the block a card that has too little memory is told in a sentence.

    Args:
        device: what computes.
        what: is computed, as the sentence begins with it.

    Raises:
        DeviceMemoryError: a card has too little memory.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if device.type == "cpu" or not is_out_of_memory(error):
            raise
        release()
        free = (free_bytes(device) or 0) / 2**30
        raise DeviceMemoryError(
            f"{what} needs more memory than {device} has ({free:.1f} GiB are free); take a smaller "
            f"model or picture, or compute with {VARIABLE}=cpu."
        ) from error


def main() -> None:
    """Print how many local workers have a card of their own, or 1."""
    print(max(1, _cards()))


if __name__ == "__main__":
    main()
