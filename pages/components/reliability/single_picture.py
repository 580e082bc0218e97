"""One picture: a map traced step by step, all methods and stages side by side, and the filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.classified import Classified, ClassifiedImage
from pages.components.live import DONE, STOPPED, bar, live, offer_the_rest, problem, said
from pages.components.reliability import map_filter, map_images, trace
from pages.components.reliability.metric_controls import STAGE_TITLES, choose_stage
from pages.components.select_controls import select_box
from pages.components.work import CANCELLED, Work, gather
from xai_core import tasks
from xai_core.apem.scores import TITLES
from xai_core.explainers.choices import Choice, column_title
from xai_core.jobs import Task, shared_engine
from xai_core.tasks import Metric

MAP = "Map"
LABEL = "Computing"
WHOLE = 9  # rows of the table that need no scrolling
TABLE = {
    **{name: TITLES[name] for name in ("eps_minus", "eps_plus", "apem", "apem_normalized")},
    "problem": "Why not",
}


def show(classified: Classified, choices: Sequence[Choice], metric: Metric) -> bool:
    """Everything about one picture; whether nothing is being computed."""
    row = st.container(horizontal=True, vertical_alignment="bottom")
    image = _picture(row, classified)
    titles = {choice.id: column_title(choice.id) for choice in choices}
    column = select_box(row, "Map of", titles, "apem_method")
    stage = choose_stage(row)
    asked = (*classified.loaded, [image.subject], choices)
    explained = tasks.explain_all(*asked, classified.by_source, shared_engine().cache.__contains__)
    maps = gather("apem-maps", list(explained.values()))
    order = explained[image.picture.hash, column]
    steps, ready = _trace(classified, order, maps, stage, metric)
    measured = tasks.measure_all(*asked, metric, classified.by_source)
    # The way that is looked at comes before the numbers of all others.
    rows = gather("apem-rows", list(measured.values()) if ready else [])
    works = (maps, steps, rows)
    _step_by_step(classified, image, order, maps, steps)
    st.markdown("**Methods and stages**")
    table = partial(_table, works, image, explained, measured, titles)
    live(partial(_numbers, works, table), *works)
    if order.key in maps.results and not steps.problems:
        relevance = maps.results[order.key].arrays["relevance"]
        stepped = next(iter(steps.results.values()), None)
        map_filter.show(classified.model, order, relevance, stage, metric.eps_max, stepped)
    return not any(work.running for work in works)


def _picture(row: Any, classified: Classified) -> ClassifiedImage:
    """The picture that is looked at; a control where there are several."""
    images = {image.picture.hash: image for image in classified.images}
    if len(images) == 1:
        return classified.images[0]
    names = {key: image.picture.name for key, image in images.items()}
    return images[select_box(row, "Picture", names, "apem_picture", bind=None)]


def _trace(
    classified: Classified, order: Task, maps: Work, stage: str, metric: Metric
) -> tuple[Work, bool]:
    """The work of the steps, and whether it has ended."""
    if order.key not in maps.results:
        return gather("apem-trace", []), order.key in maps.problems
    relevance = maps.results[order.key].arrays["relevance"]
    task = tasks.trace(classified.model, order, relevance, stage, metric.eps_max)
    work = gather("apem-trace", [task], patience=1.0)
    return work, not work.running


def _step_by_step(
    classified: Classified, image: ClassifiedImage, order: Task, maps: Work, steps: Work
) -> None:
    problems = {**steps.problems, **{k: v for k, v in maps.problems.items() if k == order.key}}
    if steps.results:
        (found,) = steps.results.values()
        st.fragment(trace.show)(image, classified.class_titles, found)
    elif problems:
        work = steps if steps.problems else maps
        problem(next(iter(problems.values())), work)
    else:
        st.caption("The steps appear here when the map is there.")


def _numbers(works: Sequence[Work], make_table: Callable[[], pd.DataFrame]) -> None:
    """Progress, and the numbers as far as they are there."""
    current = next((work for work in works if work.running), None)
    if current is not None:
        bar(current, LABEL)
    elif any(text == CANCELLED for work in works for text in work.problems.values()):
        offer_the_rest(STOPPED, works, LABEL)
    else:
        said("" if any(work.problems for work in works) else DONE, LABEL)
    table = make_table()
    if len(table):
        alt_text.table(
            table,
            "Maps and APEM by method and stage",
            row_height=map_images.ROW,
            height="content" if len(table) <= WHOLE else WHOLE * map_images.ROW,
            column_config={MAP: st.column_config.ImageColumn(MAP, width="small")},
        )


def _table(
    works: Sequence[Work],
    image: ClassifiedImage,
    explained: Mapping[tuple[str, str], Task],
    measured: Mapping[tuple[str, str], Task],
    titles: Mapping[str, str],
) -> pd.DataFrame:
    """A line a method and stage, with the address of a small picture of the map."""
    maps, rows = works[0], works[-1]
    found: list[dict[str, Any]] = []
    for column, title in titles.items():
        map_key, key = (asked[image.picture.hash, column].key for asked in (explained, measured))
        if key in rows.problems:
            found.append({"Method": title, "Stage": "", TABLE["problem"]: rows.problems[key]})
        if key not in rows.results:
            continue
        for row in rows.results[key].facts["rows"]:
            stage, address = row["stage"], None
            if map_key in maps.results:
                relevance = maps.results[map_key].arrays["relevance"]
                address = map_images.map_address(map_key, stage, relevance, image.pixels)
            head = {"Method": title, "Stage": STAGE_TITLES[stage], MAP: address}
            found.append(head | {word: row.get(name) for name, word in TABLE.items()})
    table = pd.DataFrame(found, columns=["Method", "Stage", MAP, *TABLE.values()])
    censored = table["APEM"].isna() & table[TABLE["problem"]].fillna("").eq("")
    table.loc[censored, TABLE["problem"]] = "censored: the class did not change"
    whole = {TABLE[name]: "Int64" for name in ("eps_minus", "eps_plus", "apem")}
    table = table.astype(whole).round({TABLE["apem_normalized"]: 2})
    if not table[TABLE["problem"]].fillna("").any():
        table = table.drop(columns=TABLE["problem"])
    return table
