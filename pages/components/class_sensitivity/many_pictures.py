"""Many pictures, two classes of each: how alike a method's maps are on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.class_sensitivity import classes, downloads, numbers
from pages.components.classified import Classified
from pages.components.cohort import FEW, Cohort, choose_cohort
from pages.components.live import live, status
from pages.components.select_controls import segments
from pages.components.text import counted, plain
from pages.components.wanted import wanted
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.class_sensitivity import as_table, rows_of
from xai_core.class_sensitivity.pairs import CHOSEN, TOP, TRUE, class_pair, two_or_more
from xai_core.explainers.choices import Choice, column_title
from xai_core.jobs import Task
from xai_core.similarity import similarities

EVERY_S = 2.0
RULES = {
    TOP: "The two most probable",
    TRUE: "The true one and the most probable other",
    CHOSEN: "The same two for all",
}
Pairs = Mapping[str, tuple[int, int]]  # of classes, by the picture's hash


def show(classified: Classified, choices: Sequence[Choice]) -> bool:
    """Everything about many pictures; whether nothing is being computed."""
    cohort = choose_cohort(classified)
    if cohort is None:
        gather("class-many", [])
        return True
    rule, pairs = _pairs(classified, cohort)
    subjects = [(one, pairs[one.hash]) for one in cohort.subjects if one.hash in pairs]
    asked = tasks.compare_all(
        *classified.loaded, subjects, choices, list(similarities()), classified.by_source
    )
    left_out = len(cohort.subjects) - len(subjects)
    if left_out:
        st.caption(f"Left out: {counted(left_out, 'picture')}, whose true class is not known.")
    label = f"Compare {counted(len(choices), 'method')} on {counted(len(subjects), 'picture')}"
    if not (subjects and wanted(list(asked.values()), len(subjects) <= FEW, label)):
        gather("class-many", [])
        return True
    work = gather("class-many", list(asked.values()), patience=0.5)
    draw = partial(_so_far, cohort, pairs, asked, work)
    if work.running:
        live(draw, work, every_s=EVERY_S)
        return False
    table = draw()
    downloads.of_many(classified, cohort, choices, pairs, rule, table)
    return True


def _pairs(classified: Classified, cohort: Cohort) -> tuple[str, Pairs]:
    """By which rule two classes of each picture are compared, and which; some have none."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    rule = segments(row, "Two classes", RULES, "class_rule")
    if rule == CHOSEN:
        usual = two_or_more(cohort.scores[cohort.subjects[0].hash])
        said = np.stack(list(cohort.scores.values())).mean(0)
        a, b = classes.choose(row, classified.class_names, said, usual, most=2, probable=False)
        return rule, {one.hash: (a, b) for one in cohort.subjects}
    found = {}
    for subject in cohort.subjects:
        pair = class_pair(cohort.scores[subject.hash], rule, cohort.true[subject.hash])
        if pair is not None:
            found[subject.hash] = pair
    return rule, found


def _so_far(
    cohort: Cohort, pairs: Pairs, asked: Mapping[tuple[str, str], Task], work: Work
) -> pd.DataFrame:
    """What is there by now, drawn."""
    status(work, "Comparing")
    rows = []
    for (digest, column), task in asked.items():
        result = work.results.get(task.key)
        if result is not None:
            head = {"image": cohort.names[digest], "image_hash": digest, "method": column}
            found = rows_of(tasks.class_scores(result), pairs[digest], list(similarities()))
            rows += [{**head, **row} for row in found]
    table = as_table(rows)
    st.markdown("**How alike are the maps of two classes, on average over pictures?**")
    numbers.show_many(table)
    for (digest, column), task in asked.items():
        if task.key in work.problems:
            where = f"{column_title(column)}, {cohort.names[digest]}"
            st.caption(plain(f"{where}: {work.problems[task.key]}"))
    return table
