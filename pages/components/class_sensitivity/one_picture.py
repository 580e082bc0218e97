"""One picture, several classes: every method's maps of each, and how alike they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.class_sensitivity import classes, downloads, maps, numbers, subjects
from pages.components.class_sensitivity.subjects import Looked
from pages.components.classified import Classified
from pages.components.display_controls import choose_display
from pages.components.heatmap_grid import heatmap_grid
from pages.components.live import live, said, status
from pages.components.text import plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.class_sensitivity import ClassScores, as_table, rows_of
from xai_core.class_sensitivity.pairs import two_or_more
from xai_core.explainers.choices import Choice
from xai_core.heatmaps import SHOWS
from xai_core.jobs import Task, shared_engine
from xai_core.similarity import similarities

Asked = Mapping[tuple[int, str], Task]  # by class and column
SAME = (
    "The difference of the first two maps as they are shown, each scaled to its own largest value. "
    "Where it is white, the map does not depend on the class."
)


def show(classified: Classified, choices: Sequence[Choice]) -> bool:
    """Everything about one picture; whether nothing is being computed."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    looked = subjects.choose(row, classified)
    probabilities = looked.image.probabilities
    usual = two_or_more(probabilities, looked.classes if looked.joined else ())
    chosen = classes.choose(row, classified.class_names, probabilities, usual)
    titles = {index: classified.class_titles[index] for index in chosen}
    asked = _explained(classified, looked, choices, chosen)
    work = gather("class-maps", list(asked.values()))
    live(partial(_maps, classified, looked, choices, titles, asked, work), work)
    scored = {} if work.running else _scored(looked, choices, chosen, asked, work)
    comparing = gather("class-scores", list(scored.values()), patience=1.0)
    draw = partial(_numbers, classified, looked, choices, titles, work, scored, comparing)
    live(draw, comparing)
    return not (work.running or comparing.running)


def _explained(
    classified: Classified, looked: Looked, choices: Sequence[Choice], chosen: Sequence[int]
) -> dict[tuple[int, str], Task]:
    """What makes every method's map of every class."""
    known = shared_engine().cache.__contains__
    image, found = looked.image, {}
    for index in chosen:
        subject = tasks.Subject(image.picture.hash, image.pixels, index)
        made = tasks.explain_all(
            *classified.loaded, [subject], choices, classified.by_source, known
        )
        found.update({(index, column): task for (_, column), task in made.items()})
    return found


def _maps(
    classified: Classified,
    looked: Looked,
    choices: Sequence[Choice],
    titles: Mapping[int, str],
    asked: Asked,
    work: Work,
) -> None:
    """The maps, one row a class, and what differs between the first two."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    display = choose_display(row, signed_only=True)
    status(work, "Computing")
    if looked.joined:
        st.caption(_who_is_where(classified, looked))
    about = (looked.image, titles, choices, asked, work, display)
    heatmap_grid(maps.grid(*about), key="class-grid")
    st.markdown("**Where they differ**")
    st.caption(SAME)
    heatmap_grid(maps.differences(*about), key="class-differences")


def _who_is_where(classified: Classified, looked: Looked) -> str:
    """Which class belongs to which part, and what the model says of it alone and here."""
    found = []
    for place, image, index in zip(looked.places, looked.pictures, looked.classes, strict=True):
        alone, here = image.probabilities[index], looked.image.probabilities[index]
        title = classified.class_titles[index]
        found.append(f"{place} {image.picture.name}, {title}: {alone:.0%} alone, {here:.0%} here")
    return plain("; ".join(found) + ".")


def _scored(
    looked: Looked, choices: Sequence[Choice], chosen: Sequence[int], asked: Asked, work: Work
) -> dict[str, Task]:
    """What compares the maps of each method that has one of every class; by column."""
    height, width = looked.image.pixels.shape[1:]
    found = {}
    for choice in choices:
        results = [work.results.get(asked[index, choice.id].key) for index in chosen]
        relevance = [one.arrays["relevance"] for one in results if one is not None]
        if len(relevance) == len(chosen):
            found[choice.id] = tasks.compare_classes(
                relevance, (height, width), choice, list(similarities()), looked.areas
            )
    return found


def _numbers(
    classified: Classified,
    looked: Looked,
    choices: Sequence[Choice],
    titles: Mapping[int, str],
    work: Work,
    scored: Mapping[str, Task],
    comparing: Work,
) -> None:
    """How alike the maps are, and whether each lies on its own part.

    A method whose scores are not there has its place all the same.
    """
    chosen = list(titles)
    known = {
        column: tasks.class_scores(comparing.results[task.key])
        for column, task in scored.items()
        if task.key in comparing.results
    }
    missing = _undefined(len(chosen), len(looked.areas))
    every = {choice.id: known.get(choice.id, missing) for choice in choices}
    st.markdown("**How alike are the maps of different classes?**")
    if work.running:
        said(numbers.WAITING, "Comparing")
    else:
        status(comparing, "Comparing")
    numbers.show(_table(looked, chosen, every), titles, looked.shares(chosen))
    done = not (work.running or comparing.running)
    downloads.show(classified, looked, choices, chosen, _table(looked, chosen, known), done)


def _table(
    looked: Looked, chosen: Sequence[int], scores: Mapping[str, ClassScores]
) -> pd.DataFrame:
    """Scores by method as a table."""
    picture = looked.image.picture
    head = {"image": picture.source, "image_hash": picture.hash}
    return as_table(
        [
            {**head, "method": column, **row}
            for column, found in scores.items()
            for row in rows_of(found, chosen, list(similarities()), looked.parts(chosen))
        ]
    )


def _undefined(classes: int, parts: int) -> ClassScores:
    """The scores of a method of which none is known."""
    each = (len(similarities()), len(SHOWS))
    scores, floors = np.full((*each, classes, classes), np.nan), np.full((*each, 2), np.nan)
    return ClassScores(scores, floors, np.full((classes, parts), np.nan))
