"""What ``apem`` measures: the plan, and every picture's numbers as its turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from xai_core import tasks
from xai_core.apem.one_picture import COLUMNS, answer_facts
from xai_core.apem.summary import as_table
from xai_core.cache import Cache, Result
from xai_core.cli.asked import Asked
from xai_core.cli.meter import Meter
from xai_core.cli.subjects import Photo, readable
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice
from xai_core.jobs.here import carry_out

CHUNK = 16  # pictures that are read, and classified, before the first of them is measured


@dataclass(frozen=True)
class Plan:
    """Everything that decides the numbers.

    Attributes:
        asked: the model and the methods.
        files: every picture's name with its true class, None if unknown.
        targets: the explained class by a photo's name; the predicted one where there is none.
        data: the data set's folder, or None.
        right: most pictures of the data set that are classified rightly; None for all.
        wrong: the same for wrongly.
        metric: how maps are measured.
    """

    asked: Asked
    files: Sequence[tuple[str, int | None]]
    targets: Mapping[str, int]
    data: Path | None
    right: int | None
    wrong: int | None
    metric: tasks.Metric

    @property
    def expected(self) -> int:
        """So many pictures will probably be measured."""
        if self.right is None or self.wrong is None:
            return len(self.files)
        return min(len(self.files), self.right + self.wrong)

    def takes(self, correct: bool | None, seen: Mapping[bool | None, int]) -> bool:
        """Whether a picture that is classified so is wanted beside those that were seen."""
        limit = {True: self.right, False: self.wrong, None: None}[correct]
        return limit is None or seen[correct] < limit


def measured(plan: Plan, cache: Cache) -> tuple[pd.DataFrame, int]:
    """Every number, one row a picture, method and stage; and how many pictures are unreadable.

    Raises:
        XaiError: no picture can be measured.
    """
    asked, each = plan.asked, len(plan.asked.choices)
    meter, seen = Meter([1.0] * (each * plan.expected)), Counter[bool | None]()
    rows: list[dict[str, Any]] = []
    unread = 0
    for start in range(0, len(plan.files), CHUNK):
        if not (plan.takes(True, seen) or plan.takes(False, seen)):
            break
        chunk = dict(plan.files[start : start + CHUNK])
        photos = readable(chunk, asked.about, meter.say)
        meter.drop(each * (len(chunk) - len(photos)))
        unread += len(chunk) - len(photos)
        wanted = []
        for photo, said in zip(photos, asked.classified(photos, cache), strict=True):
            facts = answer_facts(said["logits"], chunk[photo.name], asked.about["outputs"])
            if plan.takes(facts["correct"], seen):
                seen[facts["correct"]] += 1
                wanted.append((photo, facts))
        meter.expect(each * seen.total())
        rows += _rows(plan, wanted, cache, meter)
    if not rows:
        raise XaiError("Nothing could be measured.")
    return as_table(rows), unread


def _rows(
    plan: Plan, photos: Sequence[tuple[Photo, Mapping[str, Any]]], cache: Cache, meter: Meter
) -> list[dict[str, Any]]:
    """The rows of pictures with their facts, by all methods."""
    wanted = {
        (photo.name, column): replace(task, title=f"{photo.name} {column}")
        for photo, facts in photos
        for (_, column), task in tasks.measure_all(
            *plan.asked.loaded,
            [plan.asked.subject(photo, plan.targets.get(photo.name, facts["predicted"]))],
            plan.asked.choices,
            plan.metric,
            plan.asked.pictures,
        ).items()
    }
    done = carry_out(list(wanted.values()), cache, meter)
    found = {place: outcome for place, (_, outcome) in zip(wanted, done, strict=True)}
    return [
        {"image": photo.name, "image_hash": photo.hash, **facts, **row}
        for photo, facts in photos
        for choice in plan.asked.choices
        for row in _rows_of(found[photo.name, choice.id], choice, plan.metric.stages)
    ]


def _rows_of(
    outcome: Result | str, choice: Choice, stages: Sequence[str]
) -> Sequence[Mapping[str, Any]]:
    if isinstance(outcome, str):
        lost = {**dict.fromkeys(COLUMNS), "method": choice.id, "problem": outcome}
        return [{**lost, "stage": stage} for stage in stages]
    rows: list[dict[str, Any]] = outcome.facts["rows"]
    return rows
