"""Progress with the time left, on the error output."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from xai_core import progress
from xai_core.progress import listening

FIRST_ESTIMATE = 0.05  # share of the work; before that, warming up would dominate the pace


class Meter(progress.Meter):
    """Tells how far a sequence of steps has come.

    In a terminal one line is drawn over and over; elsewhere every step gives one line.

    Args:
        costs: expected effort of each step, in any common unit.
    """

    def __init__(self, costs: list[float]) -> None:
        self._costs = costs
        self._total = sum(costs)
        self._step = 0
        self._done = 0.0  # cost of the steps so far
        self._skipped = 0.0
        self._began = time.monotonic()
        self._live = sys.stderr.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Run the next step inside the block; also when it fails, it counts as done."""
        with listening(lambda share: self._draw(title, share) if self._live else None):
            try:
                yield
            finally:
                self._go_on()
                self._draw(title, 0.0)

    def skip(self, title: str) -> None:
        """Note that the next step is done already; the pace is measured without it."""
        self._skipped += self._costs[self._step]
        self._go_on()
        self._draw(title, 0.0)

    def drop(self, steps: int) -> None:
        """Leave out the next ``steps`` steps."""
        self._total -= sum(self._costs[self._step : self._step + steps])
        del self._costs[self._step : self._step + steps]

    def expect(self, steps: int) -> None:
        """Make room for so many steps in all, if there are fewer."""
        more = [1.0] * (steps - len(self._costs))
        self._total += sum(more)
        self._costs += more

    def say(self, sentence: str) -> None:
        """Print a sentence without disturbing the line."""
        print(("\r\x1b[K" if self._live else "") + sentence, file=sys.stderr)

    def _go_on(self) -> None:
        self._done += self._costs[self._step]
        self._step += 1

    def _draw(self, title: str, share: float) -> None:
        done = self._done + (self._costs[self._step] * share if share else 0.0)
        worked = done - self._skipped
        line = f"{self._step}/{len(self._costs)}  {title}"
        if worked > FIRST_ESTIMATE * self._total:
            left = (time.monotonic() - self._began) * (self._total - done) / worked
            line += f"  about {duration(left)} left"
        last = self._step == len(self._costs)
        ends = ("\r\x1b[K", "\n" if last else "") if self._live else ("", "\n")
        print(ends[0] + line, end=ends[1], file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """Seconds in words, such as "40 s", "12 min" or "2 h 5 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
