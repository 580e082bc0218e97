"""What ``apem`` found: tables, figures, ``run.json``, and a summary in words."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from xai_core.apem.record import apem_run
from xai_core.apem.result_files import findings
from xai_core.apem.scores import TITLES
from xai_core.apem.summary import GROUPS, correlations, summary
from xai_core.cli.measuring import Plan
from xai_core.cli.tables import aligned
from xai_core.explainers.choices import column_title
from xai_core.files import write_file
from xai_core.provenance import Run


def write(plan: Plan, table: pd.DataFrame, out: Path, seconds: float) -> None:
    """Write every file of a finished run, ``run.json`` last."""
    titles = {choice.id: column_title(choice.id) for choice in plan.asked.choices}
    for name, make in findings(table, titles).items():
        write_file(out / name, make())
    write_file(
        out / "run.json", recorded(plan, table).run_json(str(out), seconds=round(seconds, 1))
    )


def recorded(plan: Plan, table: pd.DataFrame) -> Run:
    """What decides the numbers."""
    return apem_run(
        plan.asked.recorded,
        plan.asked.choices,
        table,
        plan.metric,
        targets=plan.targets,
        data=plan.photos.options,
    )


def report(table: pd.DataFrame) -> str:
    """The summary, and the correlations with the loss, as lines."""
    lines = []
    columns = {
        "apem": "mean",
        "median": "median",
        "sd": "sd",
        **{name: TITLES[name] for name in ("eps_minus", "eps_plus", "apem_normalized")},
    }
    head = ("method", "stage", "pictures", "censored", *columns.values())
    found = summary(table).to_dict("records")
    for group in dict.fromkeys(row["group"] for row in found):
        own = [row for row in found if row["group"] == group]
        cells = [
            [*(str(row[name]) for name in head[:4]), *(_short(row[name]) for name in columns)]
            for row in own
        ]
        lines += [f"APEM, {GROUPS[group]}:", aligned([head, *cells]), ""]
    ranks = correlations(table).to_dict("records")
    if ranks:
        cells = [
            [*(str(row[name]) for name in ("group", "method", "stage", "pictures")),
             _short(row["rho"]), f"{row['p']:.1e}"]
            for row in ranks
        ]  # fmt: skip
        titles = ("group", "method", "stage", "pictures", "rho", "p")
        lines += ["Spearman's correlation with the loss:", aligned([titles, *cells]), ""]
    return "\n".join(lines).rstrip()


def _short(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"
