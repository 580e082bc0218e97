"""A data set with boxes or masks: methods and baselines by all measures, on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from pages.components.classified import Classified
from pages.components.live import live, status, wait_for
from pages.components.localisation import averages, cases, downloads, set_pictures
from pages.components.localisation.set_pictures import Marked
from pages.components.localisation.set_scores import Asked, Found, Pairs, asked
from pages.components.select_controls import select_box
from pages.components.text import counted, errors_shown, plain
from pages.components.wanted import wanted
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.composites import drawn_quadrants, quadrant_masks
from xai_core.errors import XaiError
from xai_core.explainers.choices import Choice

FEW = 20  # pictures
EVERY_S = 2.0


def show(classified: Classified, choices: Sequence[Choice]) -> bool:
    """Everything about a data set; whether nothing is being computed."""
    marked = set_pictures.choose(classified)
    if marked is None or not marked.pairs:
        if marked is not None:
            st.info(
                "No picture of this data set can be measured with this model. Say what its names "
                "mean, or choose another model."
            )
        gather("localisation-set", [])
        return True
    pairs, others = _pairs(classified, marked)
    opened = cases.opened(marked)
    if opened is not None:
        only = {composite: {opened: own[opened]} for composite, own in pairs.items()}
        of_one = asked(classified, marked, choices, only, others)
        return cases.one(classified, choices, of_one, opened)
    every = asked(classified, marked, choices, pairs, others)
    orders = list(every.scoring.values())
    count = len(marked.pairs)
    button = f"Measure {counted(count, 'picture')} with {counted(len(choices), 'method')}"
    if not wanted(orders, count <= FEW, button):
        gather("localisation-set", [])
        return True
    work = gather("localisation-set", orders, patience=0.5)
    draw = partial(_so_far, classified, every, work)
    if work.running:
        live(draw, work, every_s=EVERY_S)
        return False
    found, measure = draw()
    own = found.table[found.table.measure == measure]
    idle = cases.show(classified, choices, every, own)
    downloads.of_set(classified, choices, marked, found)
    return idle


def _pairs(
    classified: Classified, marked: Marked
) -> tuple[dict[bool, Pairs], Mapping[str, Sequence[str]]]:
    """What is explained: the pictures and, if wanted and possible, their composites.

    Returns:
        ``pairs`` and ``others`` of ``Asked``.
    """
    pairs: dict[bool, Pairs] = {False: marked.pairs}
    if not marked.quadrants:
        return pairs, {}
    targets = {digest: subject.target for digest, (subject, _) in marked.pairs.items()}
    titles = {digest: classified.class_titles[target] for digest, target in targets.items()}
    with errors_shown(XaiError):
        drawn = drawn_quadrants(titles, marked.seed)
        quadrant_masks(marked.rule.input_size)
        order = tasks.composites(
            *classified.loaded, marked.folder, marked.names, targets, marked.seed
        )
        found = wait_for("localisation-composites", order, "Putting pictures together")
        composed = tasks.composite_subjects(found, targets)
        others = {digest: own.names(digest) for digest, own in drawn.items()}
        return {**pairs, True: composed}, others
    return pairs, {}


def _so_far(classified: Classified, every: Asked, work: Work) -> tuple[Found, str]:
    """What is there by now, drawn, and the measure that is looked at."""
    status(work, "Measuring")
    found = every.found(work, classified.class_titles)
    measure = ""
    if len(found.table):
        averages.show_all(found)
        measure = select_box(st, "Measure", every.measures, "object_measure", width=320)
        averages.show(found, measure, not work.running)
    for sentence in dict.fromkeys(work.problems.values()):
        st.caption(plain(sentence))
    return found, measure
