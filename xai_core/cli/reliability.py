"""What ``apem`` found: tables, figures, ``run.json``, and a summary in words."""

from __future__ import annotations

import json
import platform
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from xai_core import __version__
from xai_core.apem.summary import GROUPS, correlations, pairwise, summary
from xai_core.cli.plan import class_word
from xai_core.cli.tables import aligned
from xai_core.explainers.choices import assignments, column_title
from xai_core.export import csv_bytes, write_file
from xai_core.provenance import LIBRARIES

if TYPE_CHECKING:
    from xai_core.cli.apem import Plan


def write(plan: Plan, table: pd.DataFrame, out: Path, seconds: float) -> None:
    """Write every file of a finished run, ``run.json`` last."""
    from xai_core.charts import chart_bytes, reliability_charts

    pairs = pairwise(table)
    tables = {"summary": summary(table), "pairwise": pairs, "correlations": correlations(table)}
    for name, one in {"apem": table, **tables}.items():
        write_file(out / f"{name}.csv", csv_bytes(one))
    titles = {choice.id: column_title(choice.id) for choice in plan.choices}
    for name, chart in reliability_charts(table, pairs, titles).items():
        for form in ("png", "svg", "pdf"):
            write_file(out / f"{name}.{form}", chart_bytes(chart, form))
    facts = {
        "product": {"name": "xai-workbench", "version": __version__},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in (*LIBRARIES, "matplotlib")},
        "model": {
            "source": plan.source,
            "fingerprint": plan.clf.fingerprint,
            "options": plan.options,
        },
        "images": _images(table),
        "methods": [
            {"id": choice.id, "method": choice.method, "settings": dict(choice.settings)}
            for choice in plan.choices
        ],
        "stages": list(plan.stages),
        "shuffles": plan.shuffles,
        "seed": plan.seed,
        "eps_max": plan.eps_max,
        "command": shlex.join(command(plan, str(out))),
        "seconds": round(seconds, 1),
    }
    text = json.dumps(facts, indent=1, ensure_ascii=False) + "\n"
    write_file(out / "run.json", text.encode("utf-8"))


def command(plan: Plan, out: str) -> list[str]:
    """The arguments of ``python -m xai_core apem`` that repeat this run."""
    words = ["python", "-m", "xai_core", "apem", "--model", plan.source]
    for option, value in plan.options.items():
        words += [option, value]
    words += ["--methods", ",".join(choice.id for choice in plan.choices)]
    for choice in plan.choices:
        for text in assignments(choice):
            words += ["--param", text]
    words += ["--stages", ",".join(plan.stages), "--shuffles", str(plan.shuffles)]
    words += ["--seed", str(plan.seed), "--eps-max", str(plan.eps_max), "--out", out]
    if plan.data is not None:
        words += ["--data", str(plan.data)]
        for name, limit in (("--right", plan.right), ("--wrong", plan.wrong)):
            words += [] if limit is None else [name, str(limit)]
        return words
    for _, true in plan.files:
        words += ["--true", "unknown" if true is None else class_word(plan.clf, true)]
    return [*words, "--", *(name for name, _ in plan.files)]


def report(table: pd.DataFrame) -> str:
    """The summary, and the correlations with the loss, as lines."""
    lines = []
    found = summary(table)
    for group, part in found.groupby("group", sort=False):
        lines.append(f"APEM, {GROUPS[str(group)]}:")
        head = ("method", "stage", "pictures", "censored", "mean", "sd", "ε−", "ε+", "normalised")
        rows = [
            (
                *(row.method, row.stage, str(row.pictures), str(row.censored)),
                *map(_short, (row.apem, row.sd, row.eps_minus, row.eps_plus, row.apem_normalized)),
            )
            for row in part.itertuples()
        ]
        lines += [aligned([head, *rows]), ""]
    ranks = correlations(table)
    if len(ranks):
        lines.append("Spearman's correlation with the loss:")
        head = ("pictures", "method", "stage", "number", "rho", "p")
        rows = [
            (row.group, row.method, row.stage, str(row.pictures), _short(row.rho), f"{row.p:.1e}")
            for row in ranks.itertuples()
        ]
        lines += [aligned([head, *rows]), ""]
    return "\n".join(lines).rstrip()


def _images(table: pd.DataFrame) -> list[dict[str, Any]]:
    once = table.drop_duplicates(["image", "image_hash"])
    return [
        {
            "name": row.image,
            "hash": row.image_hash,
            "true": None if pd.isna(row.true) else int(row.true),
            "predicted": int(row.predicted),
        }
        for row in once.itertuples()
    ]


def _short(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:.2f}"
