"""What is known of a sanity check: scores of its maps, and the tables that follow from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_core.cache import Cache
from xai_core.export import picture_stems
from xai_core.heatmaps import SHOWS
from xai_core.randomization.check import COLUMNS
from xai_core.randomization.collapse import counted
from xai_core.randomization.steps import LAST, TRAINED_LABEL, Step
from xai_core.randomization.stored_maps import BATCH, COLLAPSE, FLOORS, PROBLEM, SCORES, map_name
from xai_core.randomization.sweep import TRAINED
from xai_core.randomization.verdicts import VERDICT, Thresholds, mean_and_spread
from xai_core.tasks.inquiry import Inquiry


@dataclass
class SweepResults:
    """Facts of the maps of an inquiry, by content key.

    Attributes:
        inquiry: what was asked.
        facts: of the maps that are there.
    """

    inquiry: Inquiry
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def read(self, cache: Cache) -> None:
        """Take over what is kept from before.

        Where an interruption has lost some of the maps that were computed together, none of them
        counts: computed again with fewer, the others would have other last digits.
        """
        asked = {key for keys in self.inquiry.keys.values() for key in keys.values()}
        kept = {key: cache.facts(key) for key in asked - self.facts.keys()}
        found = {key: facts for key, facts in kept.items() if facts is not None}
        there = found.keys() | self.facts.keys()
        self.add(
            {key: one for key, one in found.items() if asked.intersection(one[BATCH]) <= there}
        )

    def add(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over facts of maps, without the keys of each map's batch, which are many."""
        for key, facts in parts.items():
            self.facts[key] = {name: one for name, one in facts.items() if name != BATCH}

    def missing(self) -> list[tuple[Step, str, int]]:
        """The maps that are not there: network, column, number of the picture."""
        return [
            (step, *place)
            for step, keys in self.inquiry.keys.items()
            for place, key in keys.items()
            if key not in self.facts
        ]

    def score(self, key: str, measure: str, show: str) -> float:
        """One score; NaN where it is not there, or undefined."""
        value = self.facts.get(key, {}).get(SCORES, {}).get(measure, {}).get(show)
        return float("nan") if value is None else float(value)

    def collapse(self, step: Step, column: str, number: int) -> str:
        """What ``collapse.collapse`` says of a map; "" where there is none."""
        facts = self.facts.get(self.inquiry.keys[step][column, number], {})
        return str(facts.get(COLLAPSE, ""))

    def values(
        self, column: str, measure: str, show: str, steps: Sequence[Step]
    ) -> NDArray[np.float64]:
        """Scores of a method by some networks, [steps, images]; NaN where there is none."""
        keys, numbers = self.inquiry.keys, range(len(self.inquiry.subjects))
        found = [
            self.score(keys[step][column, number], measure, show)
            for step in steps
            for number in numbers
        ]
        return np.array(found).reshape(len(steps), len(numbers))

    def floors(self, column: str) -> Mapping[str, Any]:
        """What random maps reach, as the first picture of a column that has a map tells."""
        return next(self._floors(column), {})

    def noise_floors(self, show: str) -> dict[tuple[str, str], tuple[float, float]]:
        """What maps of noise reach, by column and measure: mean and standard deviation."""
        return {
            (choice.id, measure): (by_show[show][0], by_show[show][1])
            for choice in self.inquiry.choices
            for measure, by_show in self.floors(choice.id).get("noise", {}).items()
            if by_show[show][0] is not None
        }

    def table(
        self,
        names: Sequence[object],
        measures: Sequence[str] | None = None,
        shows: Sequence[str] = SHOWS,
    ) -> pd.DataFrame:
        """The scores that are there, as ``sanity_check`` gives them.

        The verdict's own networks, where the test has them not, have depth -1.

        Args:
            names: what the pictures are called.
            measures: all that were asked, if not given.
            shows: what the compared maps show.
        """
        chosen = self.inquiry.measures if measures is None else measures
        return pd.DataFrame(self._rows(names, chosen, shows), columns=list(COLUMNS))

    def verdicts(self, thresholds: Thresholds) -> pd.DataFrame:
        """One row a method: how similar its maps stay when what counts for the verdict is lost.

        Args:
            thresholds: of the verdicts.

        Returns:
            Columns method; similarity, spread, scores (how many are defined), undefined, verdict;
            absolute, its spread and verdict: the same by absolute maps; shuffled and its spread:
            what the maps' own values reach in random places; and from ``collapse.counted`` on
            how many pictures such a map, or the trained network's own, is empty or at the border.
        """
        return pd.DataFrame([self._verdict(one.id, thresholds) for one in self.inquiry.choices])

    def named(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Every map's name in an archive, with its content key; the trained network's first.

        Args:
            names: what the pictures are called.
        """
        stems = picture_stems(names)
        for step, keys in self.inquiry.keys.items():
            for (column, number), key in keys.items():
                if step.depth < 0:
                    yield map_name(LAST, replace(step, depth=1), stems[number], column), key
                else:
                    yield map_name(self.inquiry.test.mode, step, stems[number], column), key

    def _verdict(self, column: str, thresholds: Thresholds) -> dict[str, Any]:
        measure, show = VERDICT
        scores = self.values(column, measure, show, self.inquiry.alone)
        mean, spread = mean_and_spread(scores)
        there = int(np.isfinite(scores).sum())
        absolute = mean_and_spread(self.values(column, measure, "absolute", self.inquiry.alone))
        pairs = [floors["shuffled"][show] for floors in self._floors(column)]
        defined = [pair for pair in pairs if pair[0] is not None]
        shuffled = np.mean(defined, axis=0) if defined else (np.nan, np.nan)
        return {
            "method": column,
            "similarity": mean,
            "spread": spread,
            "scores": there,
            "undefined": scores.size - there,
            "verdict": thresholds.verdict(mean),
            "absolute": absolute[0],
            "absolute spread": absolute[1],
            "absolute verdict": thresholds.verdict(absolute[0]),
            "shuffled": float(shuffled[0]),
            "shuffled spread": float(shuffled[1]),
            **self._collapsed(column),
        }

    def _collapsed(self, column: str) -> dict[str, int]:
        """On how many of the pictures that are there a map shows nothing."""
        there = [n for n in range(len(self.inquiry.subjects)) if self._there(column, n)]
        steps = [self.inquiry.steps[0], *self.inquiry.alone]
        trained, *others = [[self.collapse(step, column, n) for n in there] for step in steps]
        return counted(trained, others)

    def _there(self, column: str, number: int) -> bool:
        """Whether there is a map by the trained network."""
        facts = self.facts.get(self.inquiry.trained[column, number])
        return facts is not None and not facts[PROBLEM]

    def _floors(self, column: str) -> Iterator[Mapping[str, Any]]:
        for number in range(len(self.inquiry.subjects)):
            facts = self.facts.get(self.inquiry.trained[column, number], {})
            if FLOORS in facts:
                yield facts[FLOORS]

    def _rows(
        self, names: Sequence[object], measures: Sequence[str], shows: Sequence[str]
    ) -> Iterable[tuple[object, ...]]:
        """In the order of ``COLUMNS``, and of ``sanity_check``."""
        trained = self.inquiry.trained
        seeds = dict.fromkeys(step.seed for step in self.inquiry.steps[1:])
        steps = [(Step(0, TRAINED_LABEL, seed, TRAINED), trained) for seed in seeds]
        for step, keys in [*steps, *list(self.inquiry.keys.items())[1:]]:
            for (column, number), key in keys.items():
                if key not in self.facts:
                    continue
                problem = self.facts[key][PROBLEM]
                if not problem and trained[column, number] in self.facts:
                    problem = self.facts[trained[column, number]][PROBLEM]
                head = (names[number], column, step.layer, step.depth, step.seed)
                state = self.facts[key].get(COLLAPSE, "")
                for measure in measures:
                    for show in shows:
                        score = self.score(key, measure, show)
                        yield (*head, measure, show, score, state, problem)
