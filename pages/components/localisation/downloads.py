"""Files of the scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from pages.components.file_buttons import offer_row
from xai_core.files import zip_bytes
from xai_core.localization.gathering import LeftOut
from xai_core.localization.result_files import findings

CHARTS = ("png", "svg", "pdf")


def of_one(table: pd.DataFrame, runs: pd.DataFrame, titles: Mapping[str, str], ready: bool) -> None:
    """Of one picture; the buttons wait until all is there."""
    _offer(table, runs, LeftOut().table(), titles, ready and not table.empty)


def of_set(
    table: pd.DataFrame, runs: pd.DataFrame, left_out: pd.DataFrame, titles: Mapping[str, str]
) -> None:
    """Of a data set."""
    _offer(table, runs, left_out, titles, not table.empty)


def _offer(
    table: pd.DataFrame,
    runs: pd.DataFrame,
    left_out: pd.DataFrame,
    titles: Mapping[str, str],
    ready: bool,
) -> None:
    makers = findings(table, runs, left_out, titles)
    charts = {name: make for name, make in makers.items() if name.endswith(CHARTS)}
    csv = {name: make for name, make in makers.items() if name not in charts}
    files: dict[str, tuple[str, Callable[[], bytes]]] = {
        "CSV": ("localization.csv", makers["localization.csv"]),
        "All tables (ZIP)": (
            "localization.zip",
            lambda: zip_bytes({name: make() for name, make in csv.items()}),
        ),
        **{name.rpartition(".")[2].upper(): (name, make) for name, make in charts.items()},
    }
    offer_row(files, "localisation", ready)
