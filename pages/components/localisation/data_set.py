"""A data set with boxes or masks: methods and baselines by all measures, on average."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.components import alt_text
from pages.components.classified import Classified
from pages.components.data_sets import DATA, data_sets
from pages.components.live import live, status, wait_for
from pages.components.localisation import downloads, tables
from pages.components.plots import COLOURS, laid_out
from pages.components.select_controls import segments, select_box
from pages.components.text import DASH, counted, label, number, plain
from pages.components.wanted import wanted
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.cache import Result
from xai_core.explainers.choices import Choice
from xai_core.jobs import Task
from xai_core.localization.columns import BASELINE_COLUMNS, is_baseline, localized_title
from xai_core.localization.gathering import ANNOTATED, PREDICTED
from xai_core.localization.scoring import object_measures
from xai_core.localization.summary import means_by_size
from xai_core.localization.tables import (
    all_differences,
    as_runs,
    as_table,
    means_with_runs,
    rows_of,
    run_rows,
)

MOST, USUAL, FEW = 300, 20, 20
EVERY_S = 2.0
MEASURES = list(object_measures())
EXPLAIN = {ANNOTATED: "The class of its object", PREDICTED: "Its predicted class"}
MOST_NAMES = 20
_MEANT = "_names-mean"  # in the session: titles of classes by the names of objects, by data set
ROW, REST = 26, 90  # pixels of a method's bar, and around all bars


def show(classified: Classified, choices: Sequence[Choice]) -> bool:
    """Everything about a data set; whether nothing is being computed."""
    found = _pictures(classified)
    if found is None:
        gather("localisation-set", [])
        return True
    subjects = {
        subject.hash: (subject, objects) for subject, objects in tasks.annotated_subjects(found)
    }
    pictures = list(subjects.values())
    asked = tasks.localize_all(
        *classified.loaded, pictures, choices, MEASURES, pictures=classified.by_source
    )
    asked |= tasks.localize_baselines(*classified.loaded, pictures, BASELINE_COLUMNS, MEASURES)
    button = f"Measure {counted(len(pictures), 'picture')} with {counted(len(choices), 'method')}"
    _left_out(found, classified.class_titles)
    if not pictures:
        st.info("No picture of this data set can be measured with this model.")
    if not (pictures and wanted(list(asked.values()), len(pictures) <= FEW, button)):
        gather("localisation-set", [])
        return True
    work = gather("localisation-set", list(asked.values()), patience=0.5)
    columns = [*[choice.id for choice in choices], *BASELINE_COLUMNS]
    draw = partial(_so_far, classified, found, columns, asked, work)
    if work.running:
        live(draw, work, every_s=EVERY_S)
        return False
    table, runs = draw()
    titles = {name: localized_title(name) for name in columns}
    downloads.of_set(table, runs, pd.DataFrame(found.facts["left_out"]), titles)
    return True


def _pictures(classified: Classified) -> Result | None:
    """The annotated pictures of a data set; None, with a word on the page, without one."""
    folders = data_sets()
    if not folders:
        st.info(
            f"Data sets are offered if the server names their folders in {DATA}; the command "
            "`localize` takes any folder."
        )
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Data set", list(folders), key="data_set", bind="query-params", width=220)
    most = row.number_input("Pictures", 1, MOST, USUAL, key="most", bind="query-params", width=140)
    explain = segments(row, "Which class is explained", EXPLAIN, "explain")
    meant = _meant(name, classified.class_titles)
    loaded = classified.loaded
    order = tasks.annotated_pictures(*loaded, folders[name], int(most), explain, meant)
    return wait_for("localisation-pictures", order, "Reading the pictures")


def _meant(folder: str, titles: Sequence[str]) -> dict[str, int]:
    """What the visitor has said that names of objects mean, as far as the model has the classes."""
    said: dict[str, str] = st.session_state.get(f"{_MEANT} {folder}", {})
    return {name: titles.index(title) for name, title in said.items() if title in titles}


def _offer_meanings(folder: str, names: Sequence[str], titles: Sequence[str]) -> None:
    """For each name that means no class of the model, a list of these."""
    said: dict[str, str] = st.session_state.setdefault(f"{_MEANT} {folder}", {})
    options = sorted(titles)
    for name in list(dict.fromkeys([*said, *names]))[:MOST_NAMES]:
        key = f"meant {folder} {name}"

        def change(name: str = name, key: str = key) -> None:
            said[name] = st.session_state[key]

        st.selectbox(
            label(f"“{name}” means"),
            options,
            index=options.index(said[name]) if said.get(name) in options else None,
            placeholder="No class of this model",
            key=key,
            on_change=change,
        )


def _left_out(found: Result, titles: Sequence[str]) -> None:
    """What is left out, and why; and what names may mean that the model does not have."""
    rows = pd.DataFrame(found.facts["left_out"])
    cut = [share for share in found.facts["cuts"] if share > 0]
    said = f"{counted(len(found.facts['names']), 'picture')}."
    if cut:
        said += f" Of {len(cut)} of them the crop cuts off a part of the object."
    st.caption(said)
    if len(rows):
        kinds = rows["name"].map(lambda name: "object" if name else "picture")
        by_reason = rows.assign(name=kinds).groupby(["reason", "name"], sort=False)["count"].sum()
        empty = not found.facts["names"]
        with st.expander("What is left out", expanded=empty):
            for row in by_reason.reset_index(name="number").to_dict("records"):
                count = counted(int(row["number"]), row["name"])
                st.markdown(f"{count}: {plain(row['reason'])}")
    folder = st.session_state["data_set"]
    names = [name for name in dict.fromkeys(rows["name"] if len(rows) else ()) if name]
    if names or st.session_state.get(f"{_MEANT} {folder}"):
        with st.expander("Names that the model does not have", expanded=True):
            _offer_meanings(folder, names, titles)


def _so_far(
    classified: Classified,
    found: Result,
    columns: Sequence[str],
    asked: Mapping[tuple[str, str], Task],
    work: Work,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What is there by now, drawn: the scores and the runs of the stochastic game."""
    status(work, "Measuring")
    names = dict(zip(found.facts["hashes"], found.facts["names"], strict=True))
    targets = dict(zip(found.facts["hashes"], found.facts["targets"], strict=True))
    rows, runs = [], []
    for digest, name in names.items():
        for column in columns:
            result = work.results.get(asked[digest, column].key)
            if result is None:
                continue
            head = {
                "image": name,
                "image_hash": digest,
                "method": column,
                "class": classified.class_titles[targets[digest]],
                "size": result.facts["size"],
                "cut": result.facts["cut"],
            }
            scores = tasks.localization_scores(result)
            rows += rows_of(head, scores, MEASURES)
            runs += run_rows(head, scores)
    table, every = as_table(rows), as_runs(runs)
    if len(table):
        _drawn(table, every)
    for sentence in dict.fromkeys(work.problems.values()):
        st.caption(plain(sentence))
    return table, every


def _drawn(table: pd.DataFrame, runs: pd.DataFrame) -> None:
    st.markdown("**Means over pictures, with 95 % intervals**")
    alt_text.table(tables.of_many(table, runs), "Means by method", height="content")
    measure = select_box(st, "Measure", object_measures(), "object_measure", width=320)
    own = table[table.measure == measure]
    left, right = st.columns([3, 2], gap="medium")
    left.plotly_chart(_bars(means_with_runs(own, runs), measure), key="localisation-bars")
    with right:
        st.markdown("**By the size of the object**")
        alt_text.table(_sizes(own), "Means by size of the object", height="content")
    st.markdown("**Differences between two methods, picture by picture**")
    alt_text.table(_differences(own), "Paired differences", height=300)


def _bars(means: pd.DataFrame, measure: str) -> go.Figure:
    """A bar a method, baselines in grey, the best on top."""
    shown = means.sort_values("mean", na_position="first")
    baseline = shown.method.map(is_baseline)
    error = {
        "type": "data",
        "symmetric": False,
        "array": (shown.high - shown["mean"]).fillna(0).tolist(),
        "arrayminus": (shown["mean"] - shown.low).fillna(0).tolist(),
    }
    figure = go.Figure(
        go.Bar(
            y=shown.method.map(localized_title).tolist(),
            x=shown["mean"].tolist(),
            orientation="h",
            error_x=error,
            marker={"color": ["#999999" if grey else COLOURS[0] for grey in baseline]},
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )
    axis = {"title": tables.title(measure)}
    return laid_out(figure, ROW * len(shown) + REST, xaxis=axis)


def _sizes(own: pd.DataFrame) -> pd.DataFrame:
    found = means_by_size(own)
    wide = found.assign(
        said=[
            f"{number(mean)} ({count})"
            for mean, count in zip(found["mean"], found.pictures, strict=True)
        ]
    ).pivot_table(index="method", columns="group", values="said", aggfunc="first", sort=False)
    wide.insert(0, "Method", [localized_title(name) for name in wide.index])
    return wide.fillna(DASH).reset_index(drop=True)


def _differences(own: pd.DataFrame) -> pd.DataFrame:
    found = all_differences(own)
    interval = [
        f"[{number(low)}, {number(high)}]" for low, high in zip(found.low, found.high, strict=True)
    ]
    return pd.DataFrame(
        {
            "Method": found.method.map(localized_title),
            "Minus": found.other.map(localized_title),
            "Mean difference": found.difference.map(number),
            "95 % interval": interval,
            "Pictures": found.pictures,
        }
    )
