"""What ``class-sensitivity`` compares: the plan, its pictures, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from xai_core import progress, tasks
from xai_core.cache import Cache, Result
from xai_core.class_sensitivity import as_table, rows_of
from xai_core.class_sensitivity.joined import joined, joined_parts, joined_shown
from xai_core.class_sensitivity.pairs import CHOSEN, TRUE, class_pair, two_or_more
from xai_core.class_sensitivity.record import sensitivity_run
from xai_core.classes import class_titles
from xai_core.cli.asked import Asked
from xai_core.cli.meter import Meter
from xai_core.cli.photo_sets import Answered, PhotoSet, answered
from xai_core.cli.subjects import complain
from xai_core.display import Display
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice, column_title
from xai_core.export import Explanation, relevance_npz
from xai_core.figures import grid_figure, to_png, to_svg
from xai_core.images import image_hash, read_source
from xai_core.jobs import Task
from xai_core.jobs.here import SILENT, carry_out, results_of
from xai_core.provenance import Run


@dataclass(frozen=True)
class Plan:
    """Everything that decides the scores.

    Attributes:
        asked: the model and the methods.
        photos: the pictures.
        classes: indices of those that are compared in all pictures; none where a rule chooses.
        rule: a word of ``pairs``.
        joined: a key of ``joined.ORDERS``, or "".
        measures: of two maps.
    """

    asked: Asked
    photos: PhotoSet
    classes: Sequence[int]
    rule: str
    joined: str
    measures: Sequence[str]


@dataclass(frozen=True)
class Looked:
    """A picture with the classes whose maps are compared.

    Attributes:
        name: what tables call it.
        subject: what tasks know of it.
        classes: their indices.
        probabilities: what the model says of it, [K].
        crop: what it sees, at a resolution for people.
        parts: which part of the picture belongs to each of the classes; none of a single picture.
    """

    name: str
    subject: tasks.Subject
    classes: Sequence[int]
    probabilities: NDArray[np.floating]
    crop: Any
    parts: Sequence[int | None] = ()


@dataclass
class Compared:
    """What was found.

    Attributes:
        asked: the model and the methods that work on it.
        rows: the scores, those of ``as_table``.
        explanations: the maps; none of a data set.
        pictures: name, hash and true class of each.
        problems: sentences about what failed.
        unread: files that cannot be read.
    """

    asked: Asked
    rows: list[dict[str, Any]] = field(default_factory=list)
    explanations: list[Explanation] = field(default_factory=list)
    pictures: list[tuple[str, str, int | None]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    @property
    def table(self) -> pd.DataFrame:
        """The scores."""
        return as_table(self.rows)


def compared(plan: Plan, cache: Cache) -> Compared:
    """Every score.

    Raises:
        XaiError: no picture can be compared, or pictures cannot be put together.
    """
    asked = plan.asked.working(cache)
    found, each = Compared(asked), len(asked.choices)
    meter = Meter([1.0] * (each * plan.photos.expected))
    every: list[Answered] = []
    for some in answered(plan.photos, asked, cache, meter, each, found.unread):
        found.pictures += [(one.photo.name, one.photo.hash, one.true) for one in some]
        looked = [known for one in some if (known := _looked(plan, one)) is not None]
        if plan.joined:
            every += some
        elif plan.photos.data is None:
            _compare_maps(plan, found, looked, _no_parts(asked), cache)
        else:
            _compare(plan, found, looked, cache, meter)
    if plan.joined:
        looked = [_joined(plan, every, cache)]
        _compare_maps(plan, found, looked, joined_parts(plan.joined, _size(asked)), cache)
    lost = sum(true is None for *_, true in found.pictures) if plan.rule == TRUE else 0
    if lost and not plan.classes:
        complain(f"{lost} of {len(found.pictures)} pictures, of unknown class, are left out.")
    if not found.rows:
        raise XaiError("Nothing could be compared.")
    return found


def map_files(found: Compared) -> Iterator[tuple[str, bytes]]:
    """The maps of photos, as pictures and as data."""
    if found.explanations:
        titles = {choice.id: column_title(choice.id) for choice in found.asked.choices}
        figure = grid_figure(found.explanations, Display(), titles)
        yield "heatmaps.png", to_png(figure)
        yield "heatmaps.svg", to_svg(figure)
        yield "relevance.npz", relevance_npz(found.explanations)


def record(plan: Plan, found: Compared) -> Run:
    """What repeats it."""
    return sensitivity_run(
        found.asked.recorded,
        found.asked.choices,
        [(name, digest) for name, digest, _ in found.pictures],
        measures=plan.measures,
        classes=plan.classes,
        rule=CHOSEN if plan.classes or plan.joined else plan.rule,
        joined=plan.joined,
        true=[true for *_, true in found.pictures],
        data=plan.photos.options,
    )


def _size(asked: Asked) -> tuple[int, int]:
    height, width = asked.about["input_size"]
    return height, width


def _looked(plan: Plan, one: Answered) -> Looked | None:
    """A picture with its classes; None where they are not known."""
    said = one.said["probabilities"]
    classes = plan.classes or class_pair(one.said["logits"], plan.rule, one.true)
    if classes is None:
        return None
    subject = one.photo.subject(classes[0])
    return Looked(one.photo.name, subject, classes, said, one.photo.crop)


def _joined(plan: Plan, every: Sequence[Answered], cache: Cache) -> Looked:
    """All photos put together, with the classes that the model sees in each alone.

    Raises:
        ImageError: there are more or fewer than the way needs.
    """
    about = plan.asked.about
    size, crop, squash = _size(plan.asked), about["crop"], about["squash"]
    pictures = [read_source(one.photo.name) for one in every]
    pixels = joined(pictures, plan.joined, size, crop, about["resample"], squash)
    whole = joined_shown(pictures, plan.joined, size, crop, squash)
    task = tasks.predict(*plan.asked.loaded, [image_hash(whole)], [pixels])
    said = results_of([task], cache)[task.key].arrays["probabilities"][0]
    alone = [int(one.said["probabilities"].argmax()) for one in every]
    classes = plan.classes or two_or_more(said, alone)
    name = f"{plan.joined} {' '.join(one.photo.name for one in every)}"
    subject = tasks.Subject(image_hash(whole), pixels, classes[0])
    own = [alone.index(k) if k in alone else None for k in classes]
    return Looked(name, subject, classes, said, whole, own)


def _compare(
    plan: Plan, found: Compared, looked: Sequence[Looked], cache: Cache, meter: Meter
) -> None:
    """Compare the classes of pictures whose maps nobody keeps."""
    asked = found.asked
    pairs = [(one.subject, one.classes) for one in looked]
    made = tasks.compare_all(*asked.loaded, pairs, asked.choices, plan.measures, asked.pictures)
    wanted = [
        (one, choice.id, made[one.subject.hash, choice.id])
        for one in looked
        for choice in asked.choices
    ]
    _note(plan, found, wanted, cache, meter)


def _compare_maps(
    plan: Plan,
    found: Compared,
    looked: Sequence[Looked],
    parts: NDArray[np.bool_],
    cache: Cache,
) -> None:
    """Explain the classes of pictures, and compare the maps."""
    asked = found.asked
    explained = {
        (number, index, column): replace(task, title=f"{one.name} {column}")
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
                task = tasks.compare_classes(relevance, _size(asked), choice, plan.measures, parts)
                wanted.append((one, choice.id, task))
                found.explanations += _explanations(asked, one, choice, there)
    _note(plan, found, wanted, cache, SILENT)


def _note(
    plan: Plan,
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
        rows = rows_of(scores, one.classes, plan.measures, one.parts)
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


def _no_parts(asked: Asked) -> NDArray[np.bool_]:
    return np.zeros((0, *_size(asked)), bool)
