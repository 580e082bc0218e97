"""The scores of ``localize``: of photos, of a data set's pictures, and of composites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xai_core import tasks
from xai_core.cache import Cache, Result
from xai_core.cli.localization_plan import Localized, Placed, Plan
from xai_core.cli.meter import Meter
from xai_core.composites import Drawn, drawn_quadrants, two_by_two
from xai_core.errors import DataError
from xai_core.explainers.choices import Choice
from xai_core.export import Explanation
from xai_core.images import image_hash, read_source
from xai_core.jobs import Task
from xai_core.jobs.here import DROPPED, carry_out
from xai_core.localization.gathering import CHUNK
from xai_core.localization.objects import Objects, quadrant_objects
from xai_core.localization.scoring import QUADRANTS
from xai_core.own_maps import is_own

# What is told of a picture, a method or a baseline, and what scores its map.
Wanted = tuple[Mapping[str, Any], str, Task]


def score_data(
    plan: Plan, found: Localized, some: Sequence[Placed], cache: Cache, meter: Meter
) -> None:
    """Score pictures whose maps nobody keeps."""
    asked = found.asked
    wanted = []
    for one in some:
        pair = (asked.subject(one.photo, one.target), one.objects)
        made = tasks.localize_all(
            *asked.loaded, [pair], asked.choices, plan.measures, plan.seed, asked.pictures
        )
        wanted += [(one, column, task) for (_, column), task in made.items()]
        wanted += _baselines(plan, found, one)
    told = [(one.facts, column, task) for one, column, task in wanted]
    _take(found, told, plan.measures, _by_picture(told, cache, meter))


def score_photos(
    plan: Plan, found: Localized, some: Sequence[Placed], cache: Cache, meter: Meter
) -> None:
    """Explain photos, and score the maps."""
    asked = found.asked
    explained = [
        (one, column, replace(task, title=f"{one.photo.name} {column}"))
        for one in some
        for (_, column), task in tasks.explain_all(
            *asked.loaded,
            [asked.subject(one.photo, one.target)],
            asked.choices,
            asked.pictures,
            known=cache.__contains__,
        ).items()
    ]
    done = carry_out([task for *_, task in explained], cache, meter)
    maps: dict[tuple[str, str], Result] = {}
    for (one, column, _), (_, outcome) in zip(explained, done, strict=True):
        if isinstance(outcome, str):
            found.problems.append(f"{column}: {outcome}")
            meter.drop(1)  # there is no map to score
        else:
            maps[one.photo.name, column] = outcome
    said = asked.classified([one.photo for one in some], cache)
    wanted = []
    for one, answer in zip(some, said, strict=True):
        found.objects[one.photo.name] = one.objects
        subject = asked.subject(one.photo, one.target)
        for choice in asked.choices:
            result = maps.get((one.photo.name, choice.id))
            if result is None:
                continue
            share = float(answer["probabilities"][one.target])
            found.explanations.append(_explanation(one, choice, result, share))
            task = tasks.score_there(
                *asked.loaded, subject, one.objects, result.arrays["relevance"], choice.id,
                plan.measures, plan.seed,
            )  # fmt: skip
            wanted.append((one, choice.id, task))
        wanted += _baselines(plan, found, one)
    told = [(one.facts, column, task) for one, column, task in wanted]
    named = [replace(task, title=f"{one['name']} {column}") for one, column, task in told]
    outcomes = [outcome for _, outcome in carry_out(named, cache, meter)]
    _take(found, told, plan.measures, outcomes)


def _baselines(plan: Plan, found: Localized, one: Placed) -> list[tuple[Placed, str, Task]]:
    pair = (one.photo.subject(one.target), one.objects)
    made = tasks.localize_baselines(
        *found.asked.loaded, [pair], plan.columns, plan.measures, plan.seed
    )
    return [(one, column, task) for (_, column), task in made.items()]


def score_quadrants(plan: Plan, found: Localized, cache: Cache) -> None:
    """Explain composites, each for the class of one of its pictures."""
    names = {one["hash"]: one["name"] for one in found.pictures}
    try:
        drawn = drawn_quadrants({one["hash"]: one["class"] for one in found.pictures}, plan.seed)
    except DataError as error:
        found.problems.append(f"--quadrants: {error}")
        return
    choices = [choice for choice in found.asked.choices if not is_own(choice.method)]
    meter = Meter([1.0] * len(found.pictures))
    for start in range(0, len(found.pictures), CHUNK):
        wanted = []
        for one in found.pictures[start : start + CHUNK]:
            pair = _composite(plan, one, drawn[one["hash"]], names)
            made = tasks.localize_all(
                *found.asked.loaded, [pair], choices, [QUADRANTS], plan.seed, found.asked.pictures
            )
            made |= tasks.localize_baselines(
                *found.asked.loaded, [pair], plan.columns, [QUADRANTS], plan.seed
            )
            wanted += [(one, column, task) for (_, column), task in made.items()]
        _take(found, wanted, [QUADRANTS], _by_picture(wanted, cache, meter))


def _composite(
    plan: Plan, one: Mapping[str, Any], drawn: Drawn, names: Mapping[str, str]
) -> tuple[tasks.Subject, Objects]:
    """A picture among three others, and the quadrant that it is in."""
    about, size = plan.asked.about, plan.rule.input_size
    pictures = [read_source(names[digest]) for digest in drawn.names(one["hash"])]
    pixels = two_by_two(pictures, size, about["crop"], about["resample"], about["squash"])
    whole = np.rint(255 * pixels).astype(np.uint8).transpose(1, 2, 0)
    place = quadrant_objects(drawn.quadrant, size)
    return tasks.Subject(image_hash(whole), pixels, one["target"]), place


def _by_picture(wanted: Sequence[Wanted], cache: Cache, meter: Meter) -> list[Result | str]:
    """The outcome of every task; those of a picture that are missing are carried out as one."""
    known = {task.key: cache.get(task.key) for *_, task in wanted}
    missing: dict[str, list[Task]] = {one["name"]: [] for one, *_ in wanted}
    for one, _, task in wanted:
        missing[one["name"]] += [task] if known[task.key] is None else []
    for name in [name for name, own in missing.items() if not own]:
        meter.skip(f"{name}, already there")
        del missing[name]
    asked = [tasks.localize_together(own, name) for name, own in missing.items()]
    problems: dict[str, str] = {}
    for own, (_, outcome) in zip(missing.values(), carry_out(asked, cache, meter), strict=True):
        if isinstance(outcome, str):
            problems |= {task.key: outcome for task in own}
        else:
            problems |= outcome.facts["problems"]
    return [
        problems.get(task.key) or known[task.key] or cache.get(task.key) or DROPPED
        for *_, task in wanted
    ]


def _take(
    found: Localized,
    wanted: Sequence[Wanted],
    measures: Sequence[str],
    outcomes: Sequence[Result | str],
) -> None:
    """Take over the scores."""
    for (one, column, _), outcome in zip(wanted, outcomes, strict=True):
        if isinstance(outcome, str):
            found.problems.append(f"{column}: {outcome}")
        else:
            found.add(one, column, tasks.localization_scores(outcome), measures)


def _explanation(one: Placed, choice: Choice, result: Result, share: float) -> Explanation:
    return Explanation(
        image_name=one.photo.name,
        image=lambda: one.photo.crop,
        image_hash=one.photo.hash,
        method=choice.method,
        settings=choice.settings,
        target=one.target,
        class_name=one.class_name,
        probability=share,
        relevance=result.arrays["relevance"],
        seconds=result.facts["seconds"],
        pixels=one.photo.pixels,
    )
