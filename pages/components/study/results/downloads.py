"""Files of a study's answers and results; each is made when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from pages.components.access import researcher_check
from pages.components.file_buttons import offer
from pages.components.study.results.analysis import Shown
from xai_core.charts import chart_bytes, study_charts
from xai_core.errors import StudyError
from xai_core.files import zip_bytes
from xai_core.study.analysis import data_files
from xai_core.study.analysis.cases import CASE_TITLES

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
TITLES = {
    "cases": "Cases",
    "case_intervals": "Cases with intervals",
    "shares": "Vote shares",
    "positions": "Places",
    "funnel": "Funnel",
}
FIGURES = {
    f"{title}, {form.upper()}": f"figures/{name}.{form}"
    for name, title in TITLES.items()
    for form in ("png", "svg")
}


def show(shown: Shown) -> None:
    """One button a file."""
    st.caption(
        "Participants are numbers in these files; ids of recruiting platforms and the codes that "
        "they pay for are left out."
    )
    is_researcher = researcher_check()
    for about, names in (("file", DATA), ("figure", _figures(shown))):
        files = {
            label: (
                f"{shown.slug}.zip" if name == "zip" else name.rpartition("/")[2],
                partial(made, shown, name, is_researcher),
            )
            for label, name in names.items()
        }
        offer(st.container(horizontal=True), files, about)


def made(shown: Shown, name: str, is_researcher: Callable[[], bool]) -> bytes:
    """A file of ``DATA`` or ``FIGURES``.

    Args:
        shown: what is on the page.
        name: of the file, as the archive names it, or "zip" for the archive.
        is_researcher: whether the visitor may have it at this moment.

    Raises:
        StudyError: the visitor is no researcher, or is none any more.
    """
    if not is_researcher():
        raise StudyError("Sign in again; these files are for researchers.")
    if name in FIGURES.values():
        return _drawn(shown, name)
    files = data_files.files(shown.records, shown.results, shown.slug)
    if name != "zip":
        return files[name]
    return zip_bytes({**files, **{one: _drawn(shown, one) for one in _figures(shown).values()}})


def _figures(shown: Shown) -> dict[str, str]:
    """Those of ``FIGURES`` that there are: none of cases where predictions are not known."""
    without = () if len(shown.results.tables["cases"]) else ("figures/cases.", "figures/case_int")
    return {label: name for label, name in FIGURES.items() if not name.startswith(without)}


def _drawn(shown: Shown, path: str) -> bytes:
    name, _, form = path.rpartition("/")[2].partition(".")
    return chart_bytes(study_charts(shown.results.tables, shown.titles, CASE_TITLES)[name], form)
