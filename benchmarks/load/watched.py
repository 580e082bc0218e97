"""A command in a process of its own that writes down how far it is, in seconds and megabytes."""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

EVERY = 200  # results between two lines


def command(words: Sequence[str], log: str, errors: str) -> None:
    """Run a command; one line of JSON for every so many results, and a last one.

    A line has the results so far, the seconds by the clock and of the processor, those in the
    network (maps made, and what the model was asked), and the resident megabytes.

    Args:
        words: of the command line.
        log: the file that the lines are added to.
        errors: the file for what the command says on its error output.
    """
    began = time.perf_counter()
    warnings.filterwarnings("ignore")
    from xai_core.__main__ import main
    from xai_core.cache import Cache
    from xai_core.explainers.panel import Panel
    from xai_core.models import Classifier

    watch = _Watch(began, Path(log))
    sys.stderr = Path(errors).open("w", encoding="utf-8")  # noqa: SIM115
    with (
        mock.patch.object(Panel, "explain", watch.network(Panel.explain)),
        mock.patch.object(Classifier, "logits", watch.network(Classifier.logits)),
        mock.patch.object(Cache, "put", watch.result(Cache.put)),
    ):
        status = main(list(words))
    watch.note(status=status)


class _Watch:
    def __init__(self, began: float, log: Path) -> None:
        self._began, self._log = began, log
        self._kept, self._seconds, self._inside = 0, 0.0, False

    def network(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed; what it calls of others that are timed is not counted twice."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:
                return function(*args, **kwargs)
            self._inside, began = True, time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._inside = False
                self._seconds += time.perf_counter() - began

        return timed

    def result(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, counted."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            done = function(*args, **kwargs)
            self._kept += 1
            if self._kept % EVERY == 0:
                self.note()
            return done

        return counted

    def note(self, **more: Any) -> None:
        """Add a line."""
        line = {
            "kept": self._kept,
            "seconds": time.perf_counter() - self._began,
            "processor": time.process_time(),
            "network": self._seconds,
            "megabytes": psutil.Process().memory_info().rss / 1e6,
            **more,
        }
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
