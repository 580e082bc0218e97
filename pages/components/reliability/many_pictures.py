"""Many pictures: how methods and stages compare, and what the metric says of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.classified import Classified
from pages.components.cohort import FEW, Cohort, choose_cohort
from pages.components.live import live, status
from pages.components.reliability import charts, downloads, two_methods
from pages.components.reliability.cohort_maps import with_maps
from pages.components.reliability.metric_controls import STAGE_TITLES
from pages.components.select_controls import segments, select_box
from pages.components.text import counted, plain
from pages.components.wanted import wanted
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.apem.comparisons import pairwise, stage_pairs
from xai_core.apem.one_picture import answer_facts
from xai_core.apem.scores import TITLES
from xai_core.apem.summary import GROUPS, as_table, correlations, groups, summary
from xai_core.explainers.choices import Choice, column_title
from xai_core.jobs import Task
from xai_core.tasks import Metric

EVERY_S = 2.0
SUMMARY = {
    "apem": "APEM, mean",
    "sd": "SD",
    "median": "Median",
    **{name: TITLES[name] for name in ("eps_minus", "eps_plus", "apem_normalized")},
    "apem_shuffled": "Shuffled",
    "median_shuffled": "Shuffled, median",
}


def show(classified: Classified, choices: Sequence[Choice], metric: Metric) -> bool:
    """Everything about many pictures; whether nothing is being computed."""
    cohort = choose_cohort(classified)
    if cohort is None:
        gather("apem-many", [])
        return True
    cohort = with_maps(cohort, classified.facts)
    asked = tasks.measure_all(
        *classified.loaded, cohort.subjects, choices, metric, classified.by_source
    )
    label = f"Measure {len(cohort.subjects)} pictures with {counted(len(choices), 'method')}"
    if not wanted(list(asked.values()), len(cohort.subjects) <= FEW, label):
        gather("apem-many", [])
        return True
    work = gather("apem-many", list(asked.values()), patience=0.5)
    titles = {choice.id: column_title(choice.id) for choice in choices}
    draw = partial(_so_far, cohort, titles, asked, work)
    if work.running:
        live(draw, work, every_s=EVERY_S)
        gather(two_methods.PURPOSE, [])
        return False
    table, part = draw()
    if table.empty:
        return True
    idle = len(titles) < 2 or two_methods.show(classified, cohort, choices, part, titles)
    downloads.show(classified, cohort, choices, metric, table, titles)
    return idle


def _so_far(
    cohort: Cohort, titles: Mapping[str, str], asked: Mapping[tuple[str, str], Task], work: Work
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All numbers that are there, and those of the pictures that are looked at."""
    status(work, "Measuring")
    table = _table(cohort, titles, asked, work)
    return table, table if table.empty else _results(table, titles)


def _results(table: pd.DataFrame, titles: Mapping[str, str]) -> pd.DataFrame:
    """Everything about all methods together; the rows of the pictures that are looked at."""
    parts = dict(groups(table))
    row = st.container(horizontal=True, vertical_alignment="bottom")
    offered = {name: GROUPS[name].capitalize() for name in parts}
    group = segments(row, "Pictures", offered, "apem_group", default="all", bind=None)
    measure = segments(row, "Number", TITLES, "apem_measure", default="apem", bind=None)
    part = parts.get(group, table)
    st.plotly_chart(charts.boxes(part, measure, titles), key="apem-boxes")
    _averages(part, titles)
    _comparisons(part, titles)
    if part.apem_shuffled.notna().any():
        _shuffled(part, titles)
    ranks = correlations(table)
    if len(ranks):
        _ranks(ranks, part, titles)
    return part


def _comparisons(part: pd.DataFrame, titles: Mapping[str, str]) -> None:
    """Methods, and stages, against each other."""
    left, right = st.columns(2, gap="medium")
    methods, stages = (found[found.group == "all"] for found in (pairwise(part), stage_pairs(part)))
    if len(methods):
        both = zip(methods.method, methods.other, methods.stage, strict=True)
        names = [f"{titles[a]} / {titles[b]}, {STAGE_TITLES[s].lower()}" for a, b, s in both]
        left.markdown("**Methods against each other, picture by picture**")
        left.plotly_chart(charts.pairs(methods, names), key="apem-pairs")
    if len(stages):
        both = zip(stages.method, stages.stage, stages.other, strict=True)
        words = {stage: title.lower() for stage, title in STAGE_TITLES.items()}
        names = [f"{titles[m]}, {words[a]} / {words[b]}" for m, a, b in both]
        place = right if len(methods) else left
        place.markdown("**Stages against each other, picture by picture**")
        place.plotly_chart(charts.pairs(stages, names), key="apem-stages")


def _shuffled(part: pd.DataFrame, titles: Mapping[str, str]) -> None:
    st.markdown("**Maps and the same maps shuffled**")
    there = set(part[part.apem_shuffled.notna()].method)
    offered = {name: title for name, title in titles.items() if name in there}
    method = select_box(st, "Maps of", offered, "apem_shuffled_of", bind=None, width=220)
    own = part[(part.method == method) & (part.apem.notna() | part.apem_shuffled.notna())]
    stages = own.stage.unique()
    for column, stage in zip(st.columns(len(stages), gap="medium"), stages, strict=True):
        column.caption(STAGE_TITLES[stage])
        column.plotly_chart(charts.shuffled(own[own.stage == stage]), key=f"apem-shuffled-{stage}")


def _table(
    cohort: Cohort, titles: Mapping[str, str], asked: Mapping[tuple[str, str], Task], work: Work
) -> pd.DataFrame:
    """All numbers that are there, picture by picture, the methods in their order."""
    rows: list[dict[str, Any]] = []
    for digest, column in product([subject.hash for subject in cohort.subjects], titles):
        result = work.results.get(asked[digest, column].key)
        if result is not None:
            facts = answer_facts(
                result.arrays["logits"],
                cohort.true[digest],
                result.facts.get("outputs", "softmax"),
            )
            head = {"image": cohort.names[digest], "image_hash": digest, **facts}
            rows += [{**head, **row} for row in result.facts["rows"]]
    return as_table(rows)


def _averages(part: pd.DataFrame, titles: Mapping[str, str]) -> None:
    found = summary(part)
    own = found[found.group == "all"]
    shown = pd.DataFrame(
        {
            "Method": own.method.map(titles),
            "Stage": own.stage.map(STAGE_TITLES),
            "Pictures": own.pictures,
            "Censored": own.censored,
            **{title: own[name].round(2) for name, title in SUMMARY.items()},
        }
    ).dropna(axis=1, how="all")
    if own.failed.any():
        shown["Failed"] = own.failed
    alt_text.table(shown, "Averages by method and stage")
    reasons = part[part.problem.fillna("") != ""][["method", "problem"]].drop_duplicates()
    for method, sentence in reasons.itertuples(index=False):
        st.caption(f"{plain(titles[method])}: {plain(sentence)}")


def _ranks(ranks: pd.DataFrame, part: pd.DataFrame, titles: Mapping[str, str]) -> None:
    st.markdown("**Does the metric follow the loss?** Spearman's rank correlation")
    names = {**titles, "confidence": "The network's confidence"}
    shown = pd.DataFrame(
        {
            "Pictures": ranks.group.map(lambda name: GROUPS[name].capitalize()),
            "Of": ranks.method.map(names),
            "Stage": ranks.stage.map(STAGE_TITLES).fillna(""),
            "Number": ranks.pictures,
            "ρ": ranks.rho.round(3),
            "p": [f"{p:.1e}" if p == p else "" for p in ranks.p],
        }
    )
    left, right = st.columns([3, 2], gap="medium")
    alt_text.table(shown, "Correlations with the loss", left)
    right.plotly_chart(charts.losses(part, titles), key="apem-losses")
