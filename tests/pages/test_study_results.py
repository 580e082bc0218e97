"""The page with a study's results, without a browser."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from io import BytesIO

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.components import access
from pages.components.study.results import analysis, charts, downloads
from pages.components.work import Work
from tests.pages import little_study
from tests.pages.opening import page, words
from tests.pages.waiting import checked, until, works
from tests.study.synthetic import fill
from xai_core.cache import Result
from xai_core.errors import StudyError
from xai_core.jobs import Job, Task
from xai_core.study.analysis.cases import CASES, case_table
from xai_core.study.analysis.results import Results, Settings, analyse
from xai_core.study.storage.pulse import pulse
from xai_core.study.storage.store import Store

PAGE = "pages/study_results.py"
PEOPLE = 8
HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$ [a](http://evil)"


pytestmark = pytest.mark.usefixtures("engine")


@pytest.fixture
def slug(store: Store) -> str:
    made = little_study.publish(store, little_study.design(trials=4))
    fill(store, made, PEOPLE)
    return made


def opened(**query: str) -> AppTest:
    return settled(page(PAGE, query).run())


def settled(app: AppTest) -> AppTest:
    """The page after the worker has analysed what it shows."""
    if any(work.running for work in works(app).values()):
        until(app, lambda works: not any(work.running for work in works.values()))
    return checked(app)


def test_no_study_says_what_to_do(store: Store) -> None:
    app = opened()
    assert "There is no study yet" in words(app)
    assert not app.selectbox


def test_an_unpublished_study_says_what_to_do(store: Store) -> None:
    slug = store.create("not yet")
    assert "was not published yet" in words(opened(results=slug))


def test_no_answers_say_what_to_do(store: Store) -> None:
    slug = little_study.publish(store, little_study.design())
    for part in ("Cases", "Pictures", "Comparison", "Background", "Places"):
        app = opened(results=slug, part=part)
        assert "Nobody has answered yet" in words(app), part
    assert "How far they got" in words(opened(results=slug, part="Participants"))


def test_the_cases_are_those_of_the_package(store: Store, slug: str) -> None:
    app = opened(results=slug)
    records = store.records(slug)
    expected = case_table(records.answers, records.predictions)
    shown = app.dataframe[0].value
    assert shown["count"].tolist() == expected["count"].tolist()
    assert shown.low.tolist() == pytest.approx(expected.low.tolist())
    assert shown.model[0] == "hushtitle 0"
    assert f"{PEOPLE} participants, {PEOPLE * 4} answers" in words(app)


def test_the_cases_have_the_same_words_in_tables_charts_and_files(store: Store, slug: str) -> None:
    app = opened(results=slug)
    table = app.dataframe[0].value
    assert table["case"].unique().tolist() == list(CASES.values())
    found = analyse(store.records(slug)).tables["cases"]
    titles = dict.fromkeys(found.model, "a")
    stacked = charts.stacked(found, titles)
    assert [bar.name for bar in stacked.data] == list(CASES.values())
    rows = charts.case_intervals(found, titles).layout.yaxis.ticktext
    assert [row.replace("<br>", " ") for row in rows] == list(CASES.values())
    assert all(title in words(app) for title in CASES.values()), "in the words below too"


@pytest.mark.parametrize(("trials", "step"), [(4, 1), (20, 1), (21, 2), (100, 5)])
def test_times_are_drawn_at_whole_places(trials: int, step: int) -> None:
    """No half of a trial, and at most twenty numbers: 100 trials take steps of 5."""
    columns = ("three_quarters", "median", "quarter")
    table = pd.DataFrame({"position": range(1, trials + 1), **dict.fromkeys(columns, 1.0)})
    axis = charts.times(table).layout.xaxis
    assert (axis.tick0, axis.dtick) == (1, step)


@pytest.mark.parametrize("part", ["Cases", "Pictures", "Comparison", "Background"])
def test_what_is_compared_is_called_by_its_name(store: Store, part: str) -> None:
    made = little_study.design(trials=4)
    one = tuple(replace(each, model={"source": "hushmodel"}) for each in made.conditions)
    slug = little_study.publish(store, replace(made, conditions=one))
    fill(store, slug, 3)
    app = opened(results=slug, part=part)
    heads = [
        column.get("label", "")
        for frame in app.dataframe
        for column in json.loads(frame.proto.columns).values()
        if column is not None
    ]
    assert heads
    assert not any("model" in head.lower() for head in heads)
    if part == "Comparison":
        assert {"Method", "Other method", "Only this method's", "p", "from"} <= set(heads)
        assert "**Which method gets more of the answers?**" in words(app)
        assert "prefer the model" not in words(app)


def test_the_settings_are_those_of_the_analysis(store: Store, slug: str) -> None:
    # The address holds the widgets' titles.
    app = opened(results=slug, interval="Normal approximation", rule="Majority among maps")
    chosen = Settings(rule="models", interval="normal")
    expected = analyse(store.records(slug), chosen).tables["cases"]
    shown = app.dataframe[0].value
    assert shown.high.tolist() == pytest.approx(expected.high.tolist())
    assert shown["count"].tolist() == expected["count"].tolist()
    settled(app.selectbox(key="who").set_value("completed").run())


@pytest.mark.parametrize(
    "part", ["Cases", "Pictures", "Comparison", "Participants", "Background", "Places", "Files"]
)
def test_every_part_opens_by_its_address(slug: str, part: str) -> None:
    app = opened(results=slug, part=part)
    assert not app.error
    assert "How to read this" in words(app)


def test_pictures_have_their_addresses_and_votes(store: Store, slug: str) -> None:
    table = opened(results=slug, part="Pictures").dataframe[0].value
    records = store.records(slug)
    assert len(table) == 4
    assert table.original.str.startswith("stimuli/").all()
    name = table.original[0].rpartition("/")[2]
    assert store.stimulus(name)[1] == "image/png"
    votes = [column for column in table if column.startswith("votes_")]
    assert table[votes].sum(axis=None) == len(records.answers)


def test_until_they_are_analysed_the_page_shows_those_before(
    store: Store, slug: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(results=slug)
    before = app.dataframe[0].value
    fill(store, slug, 3, seed=1, first=PEOPLE + 1)
    under_way = Work(job=Job([Task("a key", Result)], "somebody"))

    def gather(purpose: str, *_: object, **__: object) -> Work:
        st.session_state["_work"][purpose] = under_way
        return under_way

    monkeypatch.setattr(analysis, "gather", gather)
    app.run()
    assert app.dataframe[0].value.equals(before)
    assert "How to read this" in words(app)


def test_results_cross_over_to_another_process_unchanged(store: Store, slug: str) -> None:
    found = analyse(store.records(slug))
    again = Results.from_json(json.loads(json.dumps(found.to_json())))
    assert again.settings == found.settings
    assert (again.participants, again.images, again.answers) == (PEOPLE, 4, PEOPLE * 4)
    assert again.tables.keys() == found.tables.keys()
    for name, table in found.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], table, obj=name)
    pd.testing.assert_frame_equal(again.positions.table, found.positions.table)
    assert again.positions.p == pytest.approx(found.positions.p, nan_ok=True)


def test_new_answers_appear(store: Store, slug: str) -> None:
    app = opened(results=slug)
    number = store.versions(slug)[0].id
    before = pulse(store, number)
    fill(store, slug, 3, seed=1, first=PEOPLE + 1)
    assert pulse(store, number) != before
    settled(app.run())
    assert f"{PEOPLE + 3} participants, {(PEOPLE + 3) * 4} answers" in words(app)
    records = store.records(slug)
    expected = case_table(records.answers, records.predictions)
    assert app.dataframe[0].value["count"].tolist() == expected["count"].tolist()


def test_a_strange_address_is_said(store: Store, slug: str) -> None:
    said = [toast.value for toast in page(PAGE, {"results": "nothing"}).run().toast]
    assert said == ["There is no study at this address; this is another one."]


def test_text_from_outside_is_text(store: Store) -> None:
    made = little_study.design()
    conditions = tuple(
        type(one)(one.id, HOSTILE, one.model, one.method, one.settings) for one in made.conditions
    )
    question = type(little_study.DEGREE)("degree", HOSTILE, "yes_no")
    changed = little_study.design(conditions=conditions, background=(question,))
    slug = little_study.publish(store, changed)
    fill(store, slug, 3)
    assert HOSTILE not in words(opened(results=slug, part="Background"))
    assert "<img" not in charts.label(HOSTILE)


def test_who_is_no_researcher_sees_nothing(slug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_SERVE", "participants")
    app = opened(results=slug)
    assert not app.dataframe
    assert not app.selectbox
    with pytest.raises(StudyError, match="Sign in again"):
        downloads.made(None, "zip", access.researcher_check())


def test_the_archive_has_every_file(store: Store, slug: str) -> None:
    records = store.records(slug)
    found = analyse(records)
    shown = analysis.Shown(slug, 0, None, records, found)
    made = downloads.made(shown, "zip", lambda: True)
    with zipfile.ZipFile(BytesIO(made)) as archive:
        names = set(archive.namelist())
        answers = pd.read_csv(archive.open("answers.csv"))
        run = json.loads(archive.read("run.json"))
    assert {"participants.parquet", "codebook.md", "figures/cases.svg", "study.json"} <= names
    assert len(answers) == len(records.answers)
    assert run["study"] == slug
    for label, name in downloads.DATA.items():
        assert label
        assert name == "zip" or name in names
