"""What is known of a sanity check so far, and what is still to be computed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from pages.components.work import Work, gather
from xai_core.cache import content_key
from xai_core.jobs import Task, shared_engine
from xai_core.randomization.check import COLUMNS
from xai_core.randomization.steps import Step
from xai_core.randomization.stored_maps import FLOORS, PROBLEM, SCORES
from xai_core.tasks import Inquiry

PURPOSE = "sanity"


@dataclass
class SweepResults:
    """Facts of the maps of an inquiry, by content key.

    Attributes:
        inquiry: what was asked.
        tasks: what had to be computed when it was asked.
        facts: of the maps that are there.
    """

    inquiry: Inquiry
    tasks: list[Task]
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def update(self, work: Work) -> None:
        """Take over what has been computed."""
        for task in self.tasks:
            if task.key in work.results:
                self.facts.update(work.results[task.key].facts.get("parts", {}))

    def problem(self, step: Step, work: Work) -> str:
        """Why there is nothing at a step, if a task of it failed as a whole; else ""."""
        if not work.problems:  # a page that polls asks often
            return ""
        keys = set(self.inquiry.keys[step].values())
        for task in self.tasks:
            asked = {key for found in task.arguments.get("keys", {}).values() for key in found}
            if task.key in work.problems and asked & keys:
                return work.problems[task.key]
        return ""

    def missing(self) -> list[tuple[Step, str, str]]:
        """The maps that are not there: network, column, hash of the picture."""
        return [
            (step, column, picture)
            for step, keys in self.inquiry.keys.items()
            for (column, picture), key in keys.items()
            if key not in self.facts
        ]

    def score(self, key: str, measure: str, show: str) -> float:
        """One score; NaN where it is not there, or undefined."""
        value = self.facts.get(key, {}).get(SCORES, {}).get(measure, {}).get(show)
        return float("nan") if value is None else float(value)

    def values(
        self, column: str, measure: str, show: str, steps: Sequence[Step]
    ) -> NDArray[np.float64]:
        """Scores of a method by some networks, [steps, images]; NaN where there is none."""
        pictures = [one.hash for one in self.inquiry.subjects]
        keys = self.inquiry.keys
        found = [
            self.score(keys[step][column, picture], measure, show)
            for step in steps
            for picture in pictures
        ]
        return np.array(found).reshape(len(steps), len(pictures))

    def floors(self, column: str) -> Mapping[str, Any]:
        """What random maps reach, as the first picture of a column tells."""
        for subject in self.inquiry.subjects:
            found = self.facts.get(self.inquiry.trained[column, subject.hash], {}).get(FLOORS)
            if found:
                return dict(found)
        return {}

    def table(self, names: Mapping[str, str] | None = None) -> pd.DataFrame:
        """All scores as ``sanity_check`` gives them; the verdict's own networks have depth -1.

        Args:
            names: what pictures are called, by their hash; their number if not given.
        """
        return pd.DataFrame(self._rows(names), columns=list(COLUMNS))

    def _rows(self, names: Mapping[str, str] | None) -> Iterator[dict[str, Any]]:
        numbers = {one.hash: number for number, one in enumerate(self.inquiry.subjects)}
        for step, keys in self.inquiry.keys.items():
            for (column, picture), key in keys.items():
                facts = self.facts.get(key)
                if facts is None:
                    continue
                for measure in self.inquiry.measures:
                    for show, value in facts[SCORES].get(measure, {}).items():
                        yield {
                            "image": numbers[picture] if names is None else names[picture],
                            "method": column,
                            "layer": step.layer,
                            "depth": step.depth,
                            "seed": step.seed,
                            "measure": measure,
                            "show": show,
                            "value": float("nan") if value is None else value,
                            "problem": facts[PROBLEM],
                        }


def ask(inquiry: Inquiry) -> tuple[SweepResults, Work]:
    """What is known, and the work that is under way for the rest."""
    name = content_key([list(keys.values()) for keys in inquiry.keys.values()], inquiry.measures)
    known = st.session_state.get("_ledger")
    if known is None or known[0] != name:
        known = (name, _opened(inquiry))
        st.session_state["_ledger"] = known
    sweep: SweepResults = known[1]
    work = gather(PURPOSE, sweep.tasks, patience=0.5)
    sweep.update(work)
    return sweep, work


def again(work: Work) -> None:
    """Forget what failed, so that the next run asks for it again."""
    st.session_state.pop("_ledger", None)
    work.retry()


def _opened(inquiry: Inquiry) -> SweepResults:
    """The facts that are kept from before, and tasks for what is missing."""
    cache = shared_engine().cache
    facts: dict[str, Mapping[str, Any]] = {}
    for keys in inquiry.keys.values():
        for key in keys.values():
            if key not in facts and key in cache:
                found = cache.get(key)
                if found is not None:
                    facts[key] = found.facts
    tasks = inquiry.tasks(facts.__contains__)
    return SweepResults(inquiry, [*tasks, *inquiry.scoring(cache.get)], facts)
