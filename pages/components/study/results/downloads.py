"""Files of a study's answers and results; each is made when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.components.access import is_researcher
from pages.components.file_buttons import offer
from xai_core.charts import chart_bytes, study_charts
from xai_core.errors import StudyError
from xai_core.files import zip_bytes
from xai_core.study.analysis import data_files
from xai_core.study.analysis.cases import CASES
from xai_core.study.analysis.results import Results, choice_titles
from xai_core.study.storage.records import Records

DATA = {
    "Everything, ZIP": "zip",
    "Answers, CSV": "answers.csv",
    "Participants, CSV": "participants.csv",
    "Answers, Parquet": "answers.parquet",
    "Participants, Parquet": "participants.parquet",
    "Everything, JSON": "study.json",
    "Cases, CSV": "results/cases.csv",
    "Codebook": "codebook.md",
    "Codebook, JSON": "codebook.json",
    "run.json": "run.json",
}
FIGURES = {
    "cases": "Cases",
    "case_intervals": "Cases with intervals",
    "shares": "Vote shares",
    "positions": "Places",
    "funnel": "Funnel",
}
FORMS = ("png", "svg")


def show(slug: str, records: Records, found: Results) -> None:
    """One button a file."""
    st.caption(
        "Participants are numbers in these files; ids of recruiting platforms and the codes that "
        "they pay for are left out."
    )
    data = {
        label: (
            f"{slug}.zip" if name == "zip" else name.rpartition("/")[2],
            _file(slug, records, found, name),
        )
        for label, name in DATA.items()
    }
    offer(st.container(horizontal=True), data, "file")
    figures = {
        f"{title}, {form.upper()}": (f"{name}.{form}", _figure(records, found, name, form))
        for name, title in FIGURES.items()
        for form in FORMS
    }
    offer(st.container(horizontal=True), figures, "figure")


def _file(slug: str, records: Records, found: Results, name: str) -> Callable[[], bytes]:
    def make() -> bytes:
        _only_researchers()
        made = data_files.files(records, found, slug)
        if name != "zip":
            return made[name]
        pictures = {
            f"figures/{one}.{form}": _drawn(records, found, one, form)
            for one in FIGURES
            for form in FORMS
        }
        return zip_bytes({**made, **pictures})

    return make


def _figure(records: Records, found: Results, name: str, form: str) -> Callable[[], bytes]:
    def make() -> bytes:
        _only_researchers()
        return _drawn(records, found, name, form)

    return make


def _drawn(records: Records, found: Results, name: str, form: str) -> bytes:
    cases = {str(case): title for case, title in CASES.items()}
    made = study_charts(found.tables, choice_titles(records), cases)
    return chart_bytes(made[name], form)


def _only_researchers() -> None:
    if not is_researcher():
        raise StudyError("Sign in again; these files are for researchers.")
