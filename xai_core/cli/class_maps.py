"""Maps of several classes of a picture, made and compared for ``class-sensitivity``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_core import progress, tasks
from xai_core.cache import Cache, Result
from xai_core.class_sensitivity import as_table, rows_of
from xai_core.classes import class_titles
from xai_core.cli.asked import Asked
from xai_core.cli.meter import Meter
from xai_core.explainers.choices import Choice
from xai_core.export import Explanation
from xai_core.jobs import Task
from xai_core.jobs.here import SILENT, carry_out


@dataclass(frozen=True)
class Looked:
    """A picture with the classes whose maps are compared.

    Attributes:
        name: what tables call it.
        subject: what tasks know of it.
        classes: their indices.
        probabilities: what the model says of it, [K].
        crop: what it sees, at a resolution for people.
        parts: which parts of the picture belong to each of the classes; none of a single picture.
    """

    name: str
    subject: tasks.Subject
    classes: Sequence[int]
    probabilities: NDArray[np.floating]
    crop: Any
    parts: Sequence[Sequence[int]] = ()


@dataclass
class Compared:
    """What was found.

    Attributes:
        asked: the model and the methods that work on it.
        measures: of two maps.
        rows: the scores, those of ``as_table``.
        explanations: the maps; none of a data set.
        pictures: name, hash and true class of each.
        problems: sentences about what failed.
        unread: files that cannot be read.
    """

    asked: Asked
    measures: Sequence[str]
    rows: list[dict[str, Any]] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)
    pictures: list[tuple[str, str, int | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def table(self) -> pd.DataFrame:
        """The scores."""
        return as_table(self.rows)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the model's input."""
        height, width = self.asked.about["input_size"]
        return height, width


def compare(found: Compared, looked: Sequence[Looked], cache: Cache, meter: Meter) -> None:
    """Compare the classes of pictures whose maps nobody keeps."""
    asked = found.asked
    pairs = [(one.subject, one.classes) for one in looked]
    made = tasks.compare_all(*asked.loaded, pairs, asked.choices, found.measures, asked.pictures)
    wanted = [
        (one, choice.id, made[one.subject.hash, choice.id])
        for one in looked
        for choice in asked.choices
    ]
    _note(found, wanted, cache, meter)


def compare_maps(
    found: Compared, looked: Sequence[Looked], parts: NDArray[np.bool_], cache: Cache
) -> None:
    """Explain the classes of pictures, and compare the maps, which are kept."""
    asked = found.asked
    titles = class_titles(asked.about["class_names"])
    explained = {
        (number, index, column): replace(task, title=f"{one.name} {titles[index]} {column}")
        for number, one in enumerate(looked)
        for index in one.classes
        for (_, column), task in tasks.explain_all(
            *asked.loaded,
            [replace(one.subject, target=index)],
            asked.choices,
            asked.pictures,
            known=cache.__contains__,
        ).items()
    }
    meter = Meter([task.cost for task in explained.values()])
    done = carry_out(list(explained.values()), cache, meter)
    maps: dict[tuple[int, int, str], Result] = {}
    for place, (_, outcome) in zip(explained, done, strict=True):
        if isinstance(outcome, str):
            found.problems.append(f"{place[2]}: {outcome}")
        else:
            maps[place] = outcome
    wanted = []
    for number, one in enumerate(looked):
        for choice in asked.choices:
            own = [maps.get((number, index, choice.id)) for index in one.classes]
            there = [result for result in own if result is not None]
            if len(there) == len(own):
                relevance = [result.arrays["relevance"] for result in there]
                task = tasks.compare_classes(relevance, found.size, choice, found.measures, parts)
                wanted.append((one, choice.id, task))
                found.explanations += _explanations(asked, one, choice, there)
    _note(found, wanted, cache, SILENT)


def _note(
    found: Compared,
    wanted: Sequence[tuple[Looked, str, Task]],
    cache: Cache,
    meter: progress.Meter,
) -> None:
    """Carry out what compares maps, and take over the scores."""
    named = [replace(task, title=f"{one.name} {column}") for one, column, task in wanted]
    for (one, column, _), (_, outcome) in zip(wanted, carry_out(named, cache, meter), strict=True):
        if isinstance(outcome, str):
            found.problems.append(f"{column}: {outcome}")
            continue
        head = {"image": one.name, "image_hash": one.subject.hash, "method": column}
        scores = tasks.class_scores(outcome)
        rows = rows_of(scores, one.classes, found.measures, one.parts)
        found.rows += [{**head, **row} for row in rows]


def _explanations(
    asked: Asked, one: Looked, choice: Choice, results: Sequence[Result]
) -> list[Explanation]:
    """The maps of one method, each under the picture's name with the class's."""
    titles = class_titles(asked.about["class_names"])
    return [
        Explanation(
            image_name=f"{one.name} {titles[index]}",
            image=lambda: one.crop,
            image_hash=one.subject.hash,
            method=choice.method,
            settings=choice.settings,
            target=index,
            class_name=titles[index],
            probability=float(one.probabilities[index]),
            relevance=result.arrays["relevance"],
            seconds=result.facts["seconds"],
            pixels=one.subject.pixels,
        )
        for index, result in zip(one.classes, results, strict=True)
    ]
