"""Files of a finished study of reliability."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.components.reliability.cohort import Cohort
from pages.components.scene import Scene
from xai_core.apem.record import Record, images_of
from xai_core.apem.summary import correlations, pairwise, summary
from xai_core.explainers.choices import Choice, completed
from xai_core.files import csv_bytes
from xai_core.orders import Metric
from xai_core.provenance import ModelFacts

FORMS = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}


def show(
    scene: Scene,
    cohort: Cohort,
    choices: Sequence[Choice],
    metric: Metric,
    table: pd.DataFrame,
    titles: Mapping[str, str],
) -> None:
    """One button a file; each is made when its button is pressed."""
    files: dict[str, tuple[str, str, Callable[[], bytes]]] = {
        "CSV": ("apem.csv", "text/csv", lambda: csv_bytes(table)),
        "Summary CSV": ("summary.csv", "text/csv", lambda: csv_bytes(summary(table))),
        "Pairs CSV": ("pairwise.csv", "text/csv", lambda: csv_bytes(pairwise(table))),
        "Loss CSV": ("correlations.csv", "text/csv", lambda: csv_bytes(correlations(table))),
    }
    for name in ("boxes", "pairs", "shuffled"):
        there = {"pairs": len(titles) > 1, "shuffled": table.apem_shuffled.notna().any()}
        for form, mime in FORMS.items():
            if there.get(name, True):
                label = f"{name.capitalize()} {form.upper()}"
                files[label] = (f"{name}.{form}", mime, _chart(table, titles, name, form))
    record = Record(
        ModelFacts(str(scene.model["source"]), scene.fingerprint, scene.class_names, {}),
        [Choice(choice.method, completed(choice, scene.pictures)) for choice in choices],
        metric.stages,
        metric.shuffles,
        metric.seed,
        metric.eps_max,
        cohort.words,
        images_of(table),
    )
    files["run.json"] = ("run.json", "application/json", lambda: record.run_json("results"))
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**Download**")
    for label, (name, mime, make) in files.items():
        row.download_button(label, make, name, mime, key=f"apem {label}", on_click="ignore")


def _chart(
    table: pd.DataFrame, titles: Mapping[str, str], name: str, form: str
) -> Callable[[], bytes]:
    def make() -> bytes:
        from xai_core.charts import chart_bytes, reliability_charts

        return chart_bytes(reliability_charts(table, pairwise(table), titles)[name], form)

    return make
