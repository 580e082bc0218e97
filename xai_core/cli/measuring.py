"""What ``apem`` measures: the plan, and every picture's numbers as its turn comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from xai_core import tasks
from xai_core.apem.one_picture import COLUMNS, answer_facts
from xai_core.apem.summary import as_table
from xai_core.cache import Cache, Result
from xai_core.cli.asked import Asked
from xai_core.cli.meter import Meter
from xai_core.cli.photo_sets import PhotoSet, answered
from xai_core.cli.subjects import Photo
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice
from xai_core.jobs.here import carry_out


@dataclass(frozen=True)
class Plan:
    """Everything that decides the numbers.

    Attributes:
        asked: the model and the methods.
        photos: the pictures.
        targets: the explained class by a photo's name; the predicted one where there is none.
        metric: how maps are measured.
    """

    asked: Asked
    photos: PhotoSet
    targets: Mapping[str, int]
    metric: tasks.Metric


def measured(plan: Plan, cache: Cache) -> tuple[pd.DataFrame, int]:
    """Every number, one row a picture, method and stage; and how many pictures are unreadable.

    Raises:
        XaiError: no picture can be measured.
    """
    asked, each = plan.asked, len(plan.asked.choices)
    meter = Meter([1.0] * (each * plan.photos.expected))
    rows: list[dict[str, Any]] = []
    unread: list[str] = []
    for some in answered(plan.photos, asked, cache, meter, each, unread):
        outputs = asked.about["outputs"]
        wanted = [(one.photo, answer_facts(one.said["logits"], one.true, outputs)) for one in some]
        rows += _rows(plan, wanted, cache, meter)
    if not rows:
        raise XaiError("Nothing could be measured.")
    return as_table(rows), len(unread)


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
