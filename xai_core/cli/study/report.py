"""``study results`` and ``study export``: what participants decided, as tables and as files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.cli.options import Commands, add_command
from xai_core.cli.study.database import opened_store
from xai_core.cli.tables import aligned

if TYPE_CHECKING:
    import pandas as pd

    from xai_core.study.analysis.results import Results, Settings
    from xai_core.study.storage.records import Records

FORMS = ("png", "svg")
RULES = ("majority", "models", "absolute", "shared")
INTERVALS = ("wilson", "normal", "bootstrap")
WHO = ("everyone", "completed", "passed", "unhurried", "careful")
DASH = "–"
SHARES = ("share", "difference")
ENDS = ("low", "high")
SHOWN = {
    "cases": "Cases: is the prediction right, and is the map accurate?",
    "shares": "Share of all answers, with participants and pictures sampled",
    "paired": "Pictures on which only one of two maps is accurate (exact McNemar test)",
    "differences": "Differences of vote shares, with participants and pictures sampled",
    "agreement": "Agreement between participants",
    "positions": "Chosen place on the screen",
    "times": "Seconds for an answer",
    "checks": "Checks",
    "funnel": "How far participants got",
    "endings": "How it ended",
}


def add_to(commands: Commands) -> None:
    """Add both sub-commands to the parser."""
    text = "print what the participants of a study decided"
    shown = add_command(commands, "results", show, text)
    _options(shown)
    shown.add_argument("--json", action="store_true", help="as JSON, with every table and datum")
    text = "write a study's answers, results, figures and codebook"
    written = add_command(commands, "export", export, text)
    _options(written)
    written.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder to write to"
    )
    written.add_argument("--no-figures", action="store_true", help="only data and tables")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("study", metavar="STUDY", help="the study's name in its address")
    parser.add_argument(
        "--version", type=int, metavar="N", help="of the study (default: the newest published)"
    )
    parser.add_argument("--rule", choices=RULES, default="majority", help="when votes decide")
    parser.add_argument(
        "--interval", choices=INTERVALS, default="wilson", help="of the cases (default: wilson)"
    )
    parser.add_argument("--who", choices=WHO, default="everyone", help="whose answers count")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    parser.add_argument(
        "--replicates", type=_replicates, default=2000, help="of the bootstrap (default: 2000)"
    )


def show(arguments: argparse.Namespace) -> int:
    """Print the tables.

    Raises:
        StudyError: there is no such study or version.
    """
    from xai_core.study.analysis.data_files import json_bytes

    records, found = _analysed(arguments)
    if arguments.json:
        sys.stdout.write(json_bytes(records, found, arguments.study).decode("utf-8"))
        return 0
    print("\n".join(report(records, found)))
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write every file, ``run.json`` last.

    Raises:
        StudyError: there is no such study or version.
    """
    from xai_core.files import write_file
    from xai_core.study.analysis.data_files import files

    records, found = _analysed(arguments)
    written = files(records, found, arguments.study)
    last = written.pop("run.json")
    if not arguments.no_figures:
        written |= figures(records, found)
    for name, content in {**written, "run.json": last}.items():
        write_file(arguments.out / name, content)
    print(f"{len(written) + 1} files in {arguments.out}: {found.answers} answers of "
          f"{found.participants} participants.")  # fmt: skip
    return 0


def figures(records: Records, found: Results) -> dict[str, bytes]:
    """Every figure as PNG and SVG, by its file's name."""
    from xai_core.charts import chart_bytes, study_charts
    from xai_core.study.analysis.cases import CASE_TITLES
    from xai_core.study.analysis.results import choice_titles

    charts = study_charts(found.tables, choice_titles(records), CASE_TITLES)
    return {
        f"figures/{name}.{form}": chart_bytes(chart, form)
        for name, chart in charts.items()
        for form in FORMS
    }


def report(records: Records, found: Results) -> list[str]:
    """The tables as lines."""
    lines = [
        f"{found.answers} answers of {found.participants} participants to {found.images} pictures "
        f"(version {records.version})."
    ]
    titles = {one.id: one.title for one in records.design.conditions}
    lines += ["", *(f"{name}: {_printable(title)}" for name, title in titles.items())]
    for name, heading in SHOWN.items():
        table = found.tables[name]
        if len(table):
            lines += ["", f"{heading}:", aligned(_cells(table, records.design.compared))]
    places = found.positions
    lines += [
        "",
        "Place against equal shares: " + (places.note or _test(places.statistic, places.p)),
    ]
    return lines


def _analysed(arguments: argparse.Namespace) -> tuple[Records, Results]:
    from xai_core.study.analysis.results import analyse

    with opened_store() as store:
        records = store.records(arguments.study, arguments.version)
    return records, analyse(records, _settings(arguments))


def _settings(arguments: argparse.Namespace) -> Settings:
    from xai_core.study.analysis.results import Settings

    return Settings(
        arguments.rule, arguments.interval, arguments.who, arguments.seed, arguments.replicates
    )


def _cells(table: pd.DataFrame, compared: str) -> list[tuple[str, ...]]:
    """The rows as words, the columns' names first."""
    from xai_core.study.analysis.cases import CASE_TITLES

    head = tuple(map(str, table.columns))
    if "case" in head:
        table = table.assign(case=table.case.astype(str).map(CASE_TITLES))
    shares = SHARES + (ENDS if set(SHARES) & set(head) else ())
    rows = table.astype(object).itertuples(index=False, name=None)
    return [
        tuple(name.replace("model", compared) for name in head),
        *(tuple(_word(n, cell, shares) for n, cell in zip(head, row, strict=True)) for row in rows),
    ]


def _word(name: str, cell: Any, shares: Sequence[str]) -> str:
    if cell is None or cell != cell:
        return DASH
    if name in shares:
        return f"{cell:.1%}"
    if isinstance(cell, float):
        return f"{cell:.3g}"
    return _printable(str(cell))


def _test(statistic: float, p: float) -> str:
    return f"chi-square {statistic:.2f}, p = {p:.3g}."


def _printable(text: str) -> str:
    """Text from outside without signs that would steer the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _replicates(word: str) -> int:
    number = int(word)
    if not 100 <= number <= 20_000:
        raise argparse.ArgumentTypeError("between 100 and 20000")
    return number
