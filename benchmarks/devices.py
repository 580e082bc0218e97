"""Every method on the processor and on a graphics card: time, and how far the maps are apart.

The bound of a method follows from what rounding in float32 does to the products of its longest
sum (``tests/explainers/shaking.py``): network and pictures are shaken by as much, in float64 on the
processor, where nothing else changes the map; the largest change of three shakes, twice, because
both sides round. A method that computes in float64 rounds its map only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.settings import settings
from benchmarks.subject import Subject
from benchmarks.timing import alternating
from tests.explainers.shaking import shaken, shaken_alike, share, size
from xai_core.errors import XaiError
from xai_core.explainers import METHODS, explain

SHAKES = 3
EXACT = 1e-9 + 2**-23  # of the largest value: two results of float64 that float32 keeps


@dataclass(frozen=True)
class Apart:
    """A method on the processor and on a card.

    Attributes:
        method: its id.
        processor, card: seconds of one picture; None if the method is not defined here.
        difference: largest one of the two maps, in shares of the map's largest value.
        bound: what rounding allows, in the same shares.
        note: why there is no number.
    """

    method: str
    processor: float | None = None
    card: float | None = None
    difference: float | None = None
    bound: float | None = None
    note: str = ""

    @property
    def agrees(self) -> bool:
        """Whether the maps are one map but for rounding."""
        if self.difference is None or self.bound is None:
            return True
        return self.difference <= self.bound


def moved(on: Subject, device: torch.device) -> Subject:
    """The same on a device; of the network, what this project sees."""
    tensors = {name: getattr(on, name).to(device) for name in ("x", "target", "baselines")}
    return replace(on, clf=on.clf.on(device), **tensors)


def compared(
    methods: Sequence[str], timed: Subject, exact: Subject, device: torch.device, repeat: int
) -> list[Apart]:
    """Time and compare every method, and print it when it is done.

    Args:
        methods: ids.
        timed: what is explained, in float32 on the processor.
        exact: the same in float64.
        device: the card.
        repeat: runs after one warm-up.
    """
    there = moved(timed, device)
    print(f"{'method':22}{'processor, ms':>14}{f'{device}, ms':>14}{'ratio':>8}  difference  bound")
    rows = []
    for method in methods:
        try:
            rows.append(_row(method, timed, there, exact, repeat))
        except XaiError as error:
            rows.append(Apart(method, note=str(error)))
        print(_line(rows[-1]))
    return rows


def _row(method: str, timed: Subject, there: Subject, exact: Subject, repeat: int) -> Apart:
    here, found = _map(method, timed), _map(method, there)
    largest = size(here) or 1.0
    seconds = alternating(
        {"here": lambda: _map(method, timed), "there": lambda: _map(method, there)}, repeat
    )
    return Apart(
        method,
        seconds["here"],
        seconds["there"],
        size(here.double() - found.double()) / largest,
        bound(method, exact) / largest,
    )


def _map(method: str, on: Subject) -> Tensor:
    # Brought back, so that the clock waits for the card.
    return explain(on.clf, on.x, on.target, method=method, **settings(method, on)).cpu()


def bound(method: str, exact: Subject) -> float:
    """Largest difference that rounding allows to two maps in float32.

    Args:
        method: its id.
        exact: network and picture in float64, on the processor.
    """
    usual = _map(method, exact)
    if METHODS[method].float64:
        return EXACT * size(usual)
    generator = torch.Generator().manual_seed(0)
    most = share(longest_sum(exact.clf.module))
    return 2 * max(
        size(_map(method, _shaken(exact, most, generator)) - usual) for _ in range(SHAKES)
    )


def longest_sum(module: nn.Module) -> int:
    """Products that one output of a layer is the sum of, at most."""
    return max(weight[0].numel() for weight in module.parameters() if weight.dim() > 1)


def _shaken(exact: Subject, most: float, generator: torch.Generator) -> Subject:
    clf = exact.clf.private()
    weights: dict[str, Any] = clf.module.state_dict()
    for name, weight in weights.items():
        weights[name] = shaken(weight, most, generator)
    # Assigned, because the twin shares its weights' memory with the network.
    clf.module.load_state_dict(weights, assign=True)
    pictures = {
        name: shaken_alike(getattr(exact, name), most, generator) for name in ("x", "baselines")
    }
    return replace(exact, clf=clf, **pictures)


def _line(row: Apart) -> str:
    if row.processor is None or row.card is None:
        return f"{row.method:22}  {row.note}"
    word = "" if row.agrees else " DIFFERS"
    return (
        f"{row.method:22}{1e3 * row.processor:14.1f}{1e3 * row.card:14.1f}"
        f"{row.processor / row.card:8.2f}  {row.difference:10.0e}  {row.bound:5.0e}{word}"
    )
