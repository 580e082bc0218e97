"""The filter's way with one picture: its map, emptier from stage to stage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xai_core.apem.metric import counts, gap
from xai_core.apem.perturbation import Perturbation
from xai_core.apem.search import Asker, questions_at_once
from xai_core.progress import advance, listening

# Maps that a quick search looks at first, and then times as many as it has: what it takes for some
# hardly depends on how many they are.
FIRST_BLOCK, FURTHER = 64, 8
# How many times as large as its change a lead must be for the approximation to believe it.
SURE = 4.0


class Stage(NamedTuple):
    """One map on the filter's way.

    Attributes:
        threshold: values up to this one are zero.
        values: how many are left.
        eps_minus, eps_plus: of this map; None where ``eps_max`` steps changed nothing.
    """

    threshold: float
    values: int
    eps_minus: int | None
    eps_plus: int | None

    @property
    def apem(self) -> int | None:
        """The map's metric; None if censored."""
        return gap(self.eps_minus, self.eps_plus)


class Walk:
    """The way of one picture's map from whole to almost empty.

    Args:
        perturbation: of the one picture.
        map_: float64 [C, H, W] in [0, 1].
        eps_max: the most steps that are tried.
    """

    def __init__(self, perturbation: Perturbation, map_: Tensor, eps_max: int) -> None:
        self.perturbation, self.map, self.eps_max = perturbation, map_, eps_max
        positive = torch.unique(map_[map_ > 0])
        # To zero the largest value would leave nothing.
        self.thresholds = torch.cat([positive.new_zeros(1), positive[:-1]])
        self.at_once = max(1, questions_at_once(perturbation.clf, perturbation.x) // 2)

    def taken(self, exact: bool) -> list[Stage]:
        """All maps up to the first whose APEM falls, or the last that is not empty."""
        way: list[Stage] = []
        while len(way) < len(self.thresholds):
            block = self.at_once if exact else max(FIRST_BLOCK, FURTHER * len(way))
            places = range(len(way), min(len(way) + block, len(self.thresholds)))
            for stage in self._asked(places) if exact else self._bracketed(places):
                way.append(stage)
                if stage.apem is None or fallen(way):
                    return way if exact else self._confirmed(way)
            advance(len(way), len(self.thresholds))
        return way if exact else self._confirmed(way)

    def _confirmed(self, way: list[Stage]) -> list[Stage]:
        """The approximation's way, if asking its last two maps with every number agrees."""
        places = range(len(way))[-2:]
        return way if self._asked(places) == way[-2:] else self.taken(exact=True)

    def _asked(self, places: Sequence[int]) -> list[Stage]:
        """Maps by their places, with every number of steps."""
        several = self.perturbation.repeated(len(places))
        with listening(lambda share: None):  # here the maps count, not their steps
            found = counts(several, self._maps(places)[:, None], self.eps_max)
        return self._stages(places, *found)

    def _bracketed(self, places: range) -> list[Stage]:
        """The same with as few questions as ``brackets`` allows."""
        found = []
        for opposite in (False, True):
            counts: list[int | None] = [None] * len(places)
            epsilon = 0
            while None in counts and epsilon < self.eps_max:
                epsilon += 1

                def ask(these: Sequence[int], epsilon: int = epsilon) -> list[tuple[bool, float]]:
                    asker = self._asker([places[place] for place in these], opposite)  # noqa: B023
                    return asker.answers([(row, epsilon, 0) for row in range(len(these))])

                open_ = [place for place, count in enumerate(counts) if count is None]
                for place in brackets(open_, ask):
                    counts[place] = epsilon
            found.append(counts)
        return self._stages(places, *found)

    def _asker(self, places: Sequence[int], opposite: bool) -> Asker:
        several, maps = self.perturbation.repeated(len(places)), self._maps(places)[:, None]
        steps = several.steps(1 - maps if opposite else maps)
        return Asker(several.clf, several.x, several.classes, steps)

    def _maps(self, places: Sequence[int]) -> Tensor:
        limits = self.thresholds[list(places)][:, None, None, None]
        return torch.where(self.map > limits, self.map, 0.0).expand(-1, 3, -1, -1)

    def _stages(
        self, places: Sequence[int], minus: Sequence[int | None], plus: Sequence[int | None]
    ) -> list[Stage]:
        thresholds = self.thresholds[list(places)].tolist()
        values = [int((self.map > threshold).sum()) for threshold in thresholds]
        return [Stage(*row) for row in zip(thresholds, values, minus, plus, strict=True)]


def brackets(
    places: Sequence[int], ask: Callable[[Sequence[int]], list[tuple[bool, float]]]
) -> list[int]:
    """Those places of a row whose answer is yes, found without asking all of them.

    Ends and middle of every run are asked. If their answers are the same, and the lead by which
    they are so is everywhere ``SURE`` times as large as its change between them, the places
    between have that answer too; otherwise each half is looked at in the same way.

    Args:
        places: ascending; what is missing between two of them belongs to no run.
        ask: whether the answer is yes at some places, and the lead behind each answer.

    Returns:
        The places with yes.
    """
    known: dict[int, tuple[bool, float]] = {}
    yes: list[int] = []
    runs = _runs(places)
    while runs:
        asked = {place for run in runs for place in (run[0], run[len(run) // 2], run[-1])}
        missing = sorted(asked - known.keys())
        known.update(zip(missing, ask(missing), strict=True))
        halves: list[range] = []
        for run in runs:
            middle = len(run) // 2
            answers = [known[run[place]] for place in (0, middle, -1)]
            if len(run) <= 3 or _certain(answers):
                inner = {place: known.get(place, answers[0])[0] for place in run}
                yes += [place for place, answer in inner.items() if answer]
            else:
                halves += [run[:middle], run[middle:]]
        runs = halves
    return sorted(yes)


def _certain(answers: Sequence[tuple[bool, float]]) -> bool:
    leads = [lead for _, lead in answers]
    same = len({answer for answer, _ in answers}) == 1
    return same and min(map(abs, leads)) > SURE * (max(leads) - min(leads))


def _runs(places: Sequence[int]) -> list[range]:
    runs: list[range] = []
    for place in places:
        if runs and runs[-1].stop == place:
            runs[-1] = range(runs[-1].start, place + 1)
        else:
            runs.append(range(place, place + 1))
    return runs


def fallen(way: Sequence[Stage]) -> bool:
    """Whether the last map's APEM is below the one before."""
    if len(way) < 2:
        return False
    before, after = way[-2].apem, way[-1].apem
    return before is not None and after is not None and after < before
