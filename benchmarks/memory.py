"""Peak memory of every method, each in a process of its own.

The resident set is read every millisecond while the method runs, and what it was before is
taken off: the network and the libraries, used for a gradient or two, are there by then.
"""

from __future__ import annotations

import argparse
import os
import threading
import warnings
from collections.abc import Callable, Iterable

import psutil
import torch

from benchmarks.settings import settings
from benchmarks.subject import subject
from benchmarks.timing import in_new_process
from xai_core.explainers import explain
from xai_core.explainers.memory import VARIABLE

LIMITS = ("64 MiB", "1 GiB")
EVERY_S = 1e-3


def peaks(options: argparse.Namespace, methods: Iterable[str]) -> dict[str, dict[str, float]]:
    """Megabytes by which the process grows at most, by method and limit; prints them."""
    print(f"\n{f'peak memory in MB, {VARIABLE} =':34}" + "".join(f"{one:>10}" for one in LIMITS))
    found: dict[str, dict[str, float]] = {}
    for method in methods:
        found[method] = {
            limit: in_new_process(_of_method, options, method, limit) for limit in LIMITS
        }
        print(f"{method:34}" + "".join(f"{grown:10.0f}" for grown in found[method].values()))
    return found


def _of_method(options: argparse.Namespace, method: str, limit: str) -> float:
    warnings.filterwarnings("ignore")
    os.environ[VARIABLE] = limit
    on = subject(options.network, options.picture, getattr(torch, options.dtype))
    # Loads what is loaded late, Captum above all.
    explain(on.clf, on.x, on.target, method="smoothgrad", samples=1)
    given = settings(method, on)
    return grown(lambda: explain(on.clf, on.x, on.target, method=method, **given))


def grown(call: Callable[[], object]) -> float:
    """Megabytes by which the resident set of this process grows at most during a call."""
    process = psutil.Process()
    before = process.memory_info().rss
    most = before
    ended = threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(EVERY_S):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    call()
    ended.set()
    watcher.join()
    return (max(most, process.memory_info().rss) - before) / 1e6
