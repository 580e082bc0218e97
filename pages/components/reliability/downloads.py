"""Files of a finished study of reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.components.classified import Classified
from pages.components.cohort import Cohort
from pages.components.file_buttons import offer, offer_row
from xai_core.apem.record import apem_run
from xai_core.apem.result_files import FORMS, findings
from xai_core.explainers.choices import Choice
from xai_core.files import zip_bytes
from xai_core.provenance import Run
from xai_core.tasks import Metric


def show(
    classified: Classified,
    cohort: Cohort,
    choices: Sequence[Choice],
    metric: Metric,
    table: pd.DataFrame,
    titles: Mapping[str, str],
) -> None:
    """The numbers, all tables, and figures; each is made when its button is pressed."""
    makers = findings(table, titles)
    tables = {name: make for name, make in makers.items() if name.endswith(".csv")}
    tables["run.json"] = repeating(classified, cohort, choices, metric, table).run_json
    files = {
        "CSV": ("apem.csv", tables["apem.csv"]),
        "run.json": ("run.json", tables["run.json"]),
        "All tables (ZIP)": (
            "reliability.zip",
            lambda: zip_bytes({name: make() for name, make in tables.items()}),
        ),
    }
    with offer_row(files, "apem").popover("Figures"):
        form = st.segmented_control(
            "As", FORMS, default=FORMS[0], required=True, format_func=str.upper, key="apem_form"
        )
        figures = {
            f"{name.rpartition('.')[0].capitalize()} {form.upper()}": (name, make)
            for name, make in makers.items()
            if name.endswith(f".{form}")
        }
        offer(st, figures, "apem")


def repeating(
    classified: Classified,
    cohort: Cohort,
    choices: Sequence[Choice],
    metric: Metric,
    table: pd.DataFrame,
) -> Run:
    """What repeats the numbers of a table."""
    return apem_run(
        classified.model_facts,
        classified.completed(choices),
        table,
        metric,
        targets={cohort.names[one.hash]: one.target for one in cohort.subjects},
        data=cohort.data,
        folder=cohort.folder,
    )
