"""Measuring what takes turns on the same machine, and saying how it went."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from torch import Tensor

# The clock on the wall, or the work of this process: for a machine that others use too.
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
P = ParamSpec("P")
Returned = TypeVar("Returned")


def timed(
    clock: Callable[[], float], call: Callable[P, Returned], *args: P.args, **kwargs: P.kwargs
) -> tuple[Returned, float]:
    """What a call returns, and its seconds by a clock."""
    began = clock()
    result = call(*args, **kwargs)
    return result, clock() - began


def in_new_process(call: Callable[P, Returned], *args: P.args, **kwargs: P.kwargs) -> Returned:
    """What a call returns in a process of its own.

    What memory a process took at most is never given back, and a forked one would begin with it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(call, *args, **kwargs).result()


def alternating(calls: Mapping[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Median seconds of each of ``repeat`` runs after one warm-up, the calls taking turns.

    Turns, because whatever else the machine does meanwhile then slows all of them alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for run in range(repeat + 1):
        for name, call in calls.items():
            began = time.perf_counter()
            call()
            if run:
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}


def difference(a: Tensor, b: Tensor) -> float:
    """Largest difference in shares of b's largest value."""
    a, b = a.detach().double(), b.detach().double()
    return ((a - b).abs().max() / b.abs().max().clamp(min=1e-30)).item()


def verdict(what: str, seconds: float, limit: float) -> str:
    """One line about an aim in seconds."""
    word = "within" if seconds <= limit else "ABOVE"
    return f"{what}: {seconds:.2f} s, {word} the aim of {limit:g} s"
