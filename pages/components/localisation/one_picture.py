"""One picture: every method's map against the object that is marked on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from pages.components.classified import Classified, ClassifiedImage, seen
from pages.components.live import live, status
from pages.components.localisation import downloads, drawn_maps, marks, tables
from pages.components.localisation.set_scores import Found
from pages.components.select_controls import select_box
from pages.components.text import plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.annotations import Region
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task, shared_engine
from xai_core.localization.columns import BASELINE_COLUMNS
from xai_core.localization.marks import KEY
from xai_core.localization.objects import Objects
from xai_core.localization.pooling import Pooled
from xai_core.localization.scoring import object_measures
from xai_core.localization.tables import as_runs, as_table, rows_of, run_rows

MEASURES = list(object_measures())


def show(classified: Classified, choices: Sequence[Choice]) -> bool:
    """Everything about one picture; whether nothing is being computed."""
    image = _image(classified)
    size, crop, _, squash = seen(classified.facts)
    left, right = st.columns([2, 3], gap="medium")
    with left:
        regions, objects = marks.choose(image, size, crop, squash)
    known = shared_engine().cache.__contains__
    asked = tasks.explain_all(
        *classified.loaded, [image.subject], choices, classified.by_source, known
    )
    maps = gather("localisation-maps", list(asked.values()))
    scored = _scored(classified, image, choices, asked, maps, objects)
    scores = gather("localisation-scores", list(scored.values()), patience=0.5)
    with right:
        draw = partial(
            _results, classified, image, choices, asked, maps, scored, scores, (regions, objects)
        )
        live(draw, maps, scores)
    return not (maps.running or scores.running)


def _image(classified: Classified) -> ClassifiedImage:
    images = {one.picture.hash[:12]: one for one in classified.images}
    if len(images) == 1:
        return classified.images[0]
    names = {key: one.picture.name for key, one in images.items()}
    return images[select_box(st, "Picture", names, "of", width=340)]


def _scored(
    classified: Classified,
    image: ClassifiedImage,
    choices: Sequence[Choice],
    asked: Mapping[tuple[str, str], Task],
    maps: Work,
    objects: Objects,
) -> dict[str, Task]:
    """What scores the maps that are there, and the baselines, by column."""
    found = {}
    for choice in choices:
        result = maps.results.get(asked[image.picture.hash, choice.id].key)
        if result is not None:
            relevance = result.arrays["relevance"]
            found[choice.id] = tasks.score_there(
                *classified.loaded, image.subject, objects, relevance, choice.id, MEASURES
            )
    made = tasks.localize_baselines(
        *classified.loaded, [(image.subject, objects)], BASELINE_COLUMNS, MEASURES
    )
    return found | {column: task for (_, column), task in made.items()}


def _results(
    classified: Classified,
    image: ClassifiedImage,
    choices: Sequence[Choice],
    asked: Mapping[tuple[str, str], Task],
    maps: Work,
    scored: Mapping[str, Task],
    scores: Work,
    marked: tuple[Sequence[Region], Objects],
) -> None:
    """Maps with their marks, and all scores."""
    regions, objects = marked
    title = classified.class_titles[image.target]
    st.markdown(f"**Maps of {plain(title)}**")
    status(maps, "Computing")
    there = {
        choice.id: maps.results[task.key].arrays["relevance"]
        for choice in choices
        if (task := asked[image.picture.hash, choice.id]).key in maps.results
    }
    st.caption(KEY)
    drawn_maps.show(drawn_maps.crop_of(image), image.pixels, there, objects)
    head = {
        "image": image.picture.source,
        "image_hash": image.picture.hash,
        "class": title,
        "size": objects.size,
        "cut": objects.cut,
    }
    rows, runs, pooled = [], [], Pooled()
    for column, task in scored.items():
        if task.key in scores.results:
            found = tasks.localization_scores(scores.results[task.key])
            rows += rows_of({**head, "method": column}, found, MEASURES)
            runs += run_rows({**head, "method": column}, found)
            pooled.add(column, found.levels)
    every = Found(as_table(rows), as_runs(runs), pooled)
    st.markdown("**Scores**")
    status(scores, "Scoring")
    tables.draw(tables.of_one(every.table, every.runs), "Scores by method")
    for sentence in dict.fromkeys([*maps.problems.values(), *scores.problems.values()]):
        st.caption(plain(sentence))
    ready = not (maps.running or scores.running)
    downloads.of_one(classified, choices, image, regions, every, ready)
