"""Whether maps are where the objects are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xai_core.cache import Result, content_key
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task
from xai_core.localization.baselines import baseline_maps
from xai_core.localization.columns import baseline_of, localized_title
from xai_core.localization.objects import Objects
from xai_core.localization.scoring import SALIENCY, Asked, Scores, score_map
from xai_core.progress import portion
from xai_core.tasks.explanations import (
    NONE,
    OVERHEAD,
    explain_all,
    run_explain,
    run_explain_all,
)
from xai_core.tasks.models import Model, Subject, classifier, model_pixels

SCORING = 2.0  # in passes: the saliency metric is one, and the others together take less


def localize_all(
    model: Model,
    fingerprint: str,
    subjects: Sequence[tuple[Subject, Objects]],
    choices: Sequence[Choice],
    measures: Sequence[str],
    seed: int = 0,
    pictures: Mapping[str, Subject] = NONE,
) -> dict[tuple[str, str], Task]:
    """Every method's map of every picture, made and scored; no map is kept.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subjects: each picture, another one each, with the objects of the class that is explained.
            Of a composite the pixels are those of ``composites.two_by_two``, and the objects
            those of ``localization.objects.quadrant_objects``.
        choices: the methods.
        measures: as in ``localization.score_map``.
        seed: likewise.
        pictures: as in ``explain``.

    Returns:
        Tasks by the picture's hash and the column's id.
    """
    explained = explain_all(
        model, fingerprint, [subject for subject, _ in subjects], choices, pictures
    )
    places = {subject.hash: _place(objects, measures, seed) for subject, objects in subjects}
    found = {}
    for (digest, column), task in explained.items():
        further, stamp = places[digest]
        key = content_key("localize", task.key, stamp)
        arguments = {"explained": task.arguments, **further}
        found[digest, column] = Task(key, run_localize, arguments, task.cost + SCORING, task.title)
    return found


def _place(objects: Objects, measures: Sequence[str], seed: int) -> tuple[dict[str, Any], str]:
    """What a map is scored against, as arguments of a task, and their content key.

    The masks of a picture's objects are hashed once, however many maps are scored.
    """
    further = {"objects": vars(objects), "measures": list(measures), "seed": seed}
    return further, content_key(further)


def run_localize(
    explained: dict[str, Any], objects: dict[str, Any], measures: Sequence[str], seed: int
) -> Result:
    """Explain one picture by one method, and score the map.

    Args:
        explained: keywords of ``run_explain``.
        objects: fields of ``Objects``.
        measures: as in ``localization.score_map``.
        seed: likewise.

    Returns:
        That of ``run_score_map``, and fact "seconds" of the explanation itself.

    Raises:
        MethodError: the method is not defined for this model, or a measure not for its map.
    """
    with portion(0, 0.9):
        found = run_explain(**explained)
    return _scored(found, explained, objects, measures, seed)


def _scored(
    found: Result,
    explained: Mapping[str, Any],
    objects: dict[str, Any],
    measures: Sequence[str],
    seed: int,
) -> Result:
    """That of ``run_localize``, of a map that ``run_explain`` found with the same keywords."""
    model, image, target = (explained[name] for name in ("model", "image", "target"))
    relevance = found.arrays["relevance"]
    scored = run_score_map(model, image, target, relevance, objects, measures, seed)
    return Result(scored.arrays, {**scored.facts, "seconds": found.facts["seconds"]})


def localize_together(singles: Sequence[Task], title: str = "") -> Task:
    """Tasks of one picture as one, whose parts are their results, under their keys.

    So the picture is with one worker, which computes once what its methods share; and all maps
    are made before the first is scored, because the processor's cache keeps what it repeats.

    Args:
        singles: of ``localize_all`` and ``localize_baselines``.
        title: what people read while it runs.
    """
    methods = {task.key: task.arguments for task in singles if task.run is run_localize}
    others = {task.key: task.arguments for task in singles if task.run is run_baseline}
    return Task(
        content_key("localize-together", [*methods, *others]),
        run_together,
        {"methods": methods, "baselines": others},
        sum(task.cost for task in singles),
        title,
        kept=False,
    )


def run_together(methods: Mapping[str, Any], baselines: Mapping[str, Any]) -> Result:
    """Localise one picture by several methods and baselines.

    Args:
        methods: keywords of ``run_localize`` by the key of the result.
        baselines: keywords of ``run_baseline`` likewise.

    Returns:
        The results as parts; fact "problems", a sentence by the key of each that there is not.
    """
    with portion(0, 0.9):
        maps = run_explain_all({key: asked["explained"] for key, asked in methods.items()})
    problems = {key: found for key, found in maps.items() if isinstance(found, str)}
    scoring = {
        key: partial(_scored, found, **methods[key])
        for key, found in maps.items()
        if isinstance(found, Result)
    }
    scoring |= {key: partial(run_baseline, **asked) for key, asked in baselines.items()}
    parts = {}
    for key, score in scoring.items():
        try:
            parts[key] = score()
        except XaiError as error:
            problems[key] = str(error)
    return Result(facts={"problems": problems}, parts=parts)


def score_there(
    model: Model,
    fingerprint: str,
    subject: Subject,
    objects: Objects,
    relevance: NDArray[np.float32],
    column: str,
    measures: Sequence[str],
    seed: int = 0,
) -> Task:
    """Score a map that is there, as when regions are drawn by hand.

    Args:
        model: keywords of ``load_classifier``.
        fingerprint: the model's.
        subject: the picture and the class that the map explains.
        objects: where it should lie.
        relevance: raw, [C, h, w].
        column: the id of the map's column, for the title.
        measures: as in ``localization.score_map``.
        seed: likewise.
    """
    arguments = {
        "relevance": relevance,
        "objects": vars(objects),
        "measures": list(measures),
        "seed": seed,
    }
    key = content_key("score-map", fingerprint, subject.hash, subject.target, arguments)
    asked = {"model": dict(model), "image": subject.pixels, "target": subject.target}
    return Task(key, run_score_map, {**asked, **arguments}, SCORING, localized_title(column))


def run_score_map(
    model: dict[str, Any],
    image: NDArray[np.generic],
    target: int,
    relevance: NDArray[np.floating],
    objects: dict[str, Any],
    measures: Sequence[str],
    seed: int,
) -> Result:
    """Score a map.

    Args:
        model: keywords of ``load_classifier``.
        image: as in ``run_explain``.
        target: index of the class.
        relevance: raw, [C, h, w].
        objects: fields of ``Objects``.
        measures: as in ``localization.score_map``.
        seed: likewise.

    Returns:
        The arrays of ``Scores``, and "boxes" [B, 4] in pixels of the model's input; facts
        "measures", "size" (the share of the input that the objects fill) and "cut".

    Raises:
        MethodError: as ``localization.score_map``.
    """
    place, asked = Objects(**objects), None
    if SALIENCY in measures:
        clf = classifier(model)
        asked = Asked(clf, model_pixels(clf, image), target)
    found = score_map(relevance, place, measures, seed, asked)
    facts = {"measures": list(measures), "size": place.size, "cut": place.cut}
    levels = found.levels.astype(np.min_scalar_type(place.mask.size))  # there are thousands
    return Result({**vars(found), "levels": levels, "boxes": place.boxes}, facts)


def localize_baselines(
    model: Model,
    fingerprint: str,
    subjects: Sequence[tuple[Subject, Objects]],
    columns: Sequence[str],
    measures: Sequence[str],
    seed: int = 0,
) -> dict[tuple[str, str], Task]:
    """Maps that know nothing of the model, scored as those of methods are.

    Args:
        model: as in ``localize_all``, as are the others.
        fingerprint: likewise.
        subjects: likewise.
        columns: of ``localization.columns.BASELINE_COLUMNS``.
        measures: likewise.
        seed: also of the map of chance.

    Returns:
        Tasks by the picture's hash and the column.
    """
    found = {}
    for subject, objects in subjects:
        further, stamp = _place(objects, measures, seed)
        for column in columns:
            known = (fingerprint, subject.hash, subject.target, column)
            asked = {"model": dict(model), "image": subject.pixels, "target": subject.target}
            found[subject.hash, column] = Task(
                content_key("localize-baseline", *known, stamp),
                run_baseline,
                {**asked, "baseline": baseline_of(column), **further},
                OVERHEAD + SCORING,
                localized_title(column),
            )
    return found


def run_baseline(
    model: dict[str, Any],
    image: NDArray[np.generic],
    target: int,
    baseline: str,
    objects: dict[str, Any],
    measures: Sequence[str],
    seed: int,
) -> Result:
    """Score a baseline's map of one picture; the arguments are those of ``run_score_map``.

    Args:
        model: likewise.
        image: likewise.
        target: likewise.
        baseline: key of ``localization.BASELINES``.
        objects: likewise.
        measures: likewise.
        seed: also of the map of chance.

    Returns:
        As ``run_score_map``.
    """
    clf = classifier(model)
    pixels = clf.pixels(model_pixels(clf, image).to(torch.float32)).clamp(0, 1)
    relevance = baseline_maps(baseline, pixels, seed)
    return run_score_map(model, image, target, relevance, objects, measures, seed)


def localization_scores(result: Result) -> Scores:
    """What ``run_localize``, ``run_score_map`` and ``run_baseline`` found."""
    values, runs, levels = (result.arrays[name] for name in ("values", "runs", "levels"))
    return Scores(values, runs, levels.astype(np.int64))
