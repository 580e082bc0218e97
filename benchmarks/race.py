"""A sweep over randomised networks here and in a loop over libraries, the sides taking turns."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.peers import loop
from benchmarks.timing import CLOCKS, difference, timed
from xai_core.explainers.choices import completed
from xai_core.explainers.presets import PRESETS
from xai_core.models import Classifier
from xai_core.randomization.steps import Step
from xai_core.randomization.sweep import Map, Request, Sweep

HERE, UNAIDED, LOOP = SIDES = ("here", "no reuse", "loop")
NETWORKS, DEEPSHAP = "new networks", "DeepSHAP"
Parts = dict[str, dict[str, Request]]


def parts_of(groups: str) -> Parts:
    """What is timed as one, by title: the groups, with DeepSHAP apart."""
    parts: Parts = {}
    for group in groups.split(","):
        for choice in PRESETS[f"group-{group}"].choices:
            if choice.id != "rap":
                title = DEEPSHAP if choice.id == "deepshap" else f"group {group}"
                # The loop has one rule for all layers.
                given = {name: v for name, v in choice.settings.items() if name != "first"}
                request = Request(choice.method, completed(replace(choice, settings=given)))
                parts.setdefault(title, {})[choice.id] = request
    return parts


@dataclass
class Found:
    """What was measured.

    Attributes:
        seconds: by part and side, over all networks.
        methods: seconds of the loop's methods.
        differences: largest difference of the maps, in shares of a map's largest value.
    """

    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    differences: dict[str, float] = field(default_factory=dict)

    def of(self, side: str, without: Sequence[str] = ()) -> float:
        """Seconds of one side, without some parts."""
        return sum(
            s for (part, at), s in self.seconds.items() if at == side and part not in without
        )

    def ratio(self, without: Sequence[str] = ()) -> float:
        """The loop's time in units of ours."""
        return self.of(LOOP, without) / self.of(HERE, without)

    def plain(self) -> dict[str, Any]:
        """For a JSON file."""
        by_part = [[*key, seconds] for key, seconds in self.seconds.items()]
        return {"seconds": by_part, "loop": self.methods, "differences": self.differences}


class Race:
    """The sides on the same networks.

    Args:
        clf: the trained classifier.
        x: the pictures, [N, 3, H, W].
        parts: what is timed as one.
        clock: key of ``CLOCKS``.
    """

    def __init__(self, clf: Classifier, x: Tensor, parts: Parts, clock: str) -> None:
        self.found, self._clock = Found(), CLOCKS[clock]
        self._clf, self._parts, self._columns = clf, parts, loop.COLUMNS
        with torch.no_grad():
            targets = clf.logits(x).argmax(1)
        self._pictures = loop.pictures(clf, x, targets)
        sweep, seconds = timed(self._clock, Sweep, clf, x, targets)
        unaided = Sweep(clf, x, targets)
        unaided._tapes = [None for _ in unaided._tapes]  # no recorded run to reuse
        self._sweeps = {HERE: sweep, UNAIDED: unaided}
        self.found.seconds[NETWORKS, HERE] += seconds

    def run(self, step: Step, turn: int) -> None:
        """Every side and part on one network, beginning with another side at every turn."""
        network, seconds = timed(self._clock, self._sweeps[HERE].network, step.state)
        self.found.seconds[NETWORKS, HERE] += seconds
        self.found.seconds[NETWORKS, UNAIDED] += seconds
        copied, seconds = timed(self._clock, self._copied, network)
        self.found.seconds[NETWORKS, LOOP] += seconds
        for part, requests in self._parts.items():
            ours: dict[str, list[Map | str]] = {}
            theirs: dict[str, Tensor] = {}
            for place in range(len(SIDES)):
                side = SIDES[(turn + place) % len(SIDES)]
                if side == LOOP:
                    theirs = self._looped(part, copied)
                else:
                    maps, seconds = timed(self._clock, self._sweeps[side].maps, network, requests)
                    self.found.seconds[part, side] += seconds
                    ours = maps if side == HERE else ours
            for column, maps in ours.items():
                self._compare(column, maps, theirs[column], copied)

    def _copied(self, network: Classifier) -> nn.Module:
        copied = copy.deepcopy(self._clf.module)
        copied.load_state_dict(network.module.state_dict())
        return copied

    def _looped(self, part: str, network: nn.Module) -> dict[str, Tensor]:
        found = {}
        for name in self._parts[part]:
            call = self._columns[name].method
            maps, seconds = timed(self._clock, call, network, self._pictures)
            found[name] = maps.detach()
            self.found.seconds[part, LOOP] += seconds
            self.found.methods[name] += seconds
        return found

    def _compare(self, name: str, ours: list[Map | str], theirs: Tensor, net: nn.Module) -> None:
        column = self._columns[name]
        if not column.equal:
            return
        if column.compared is not None:
            theirs = column.compared(copy.deepcopy(net), self._pictures.first()).detach()
        before = self.found.differences.get(name, 0.0)
        apart = (
            float("inf") if isinstance(one, str) else difference(torch.from_numpy(one), other)
            for one, other in zip(ours, theirs, strict=False)  # perhaps of the first alone
        )
        self.found.differences[name] = max(before, *apart)
