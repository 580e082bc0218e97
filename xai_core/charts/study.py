"""Figures of a user study's results (T table 3), with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from xai_core.charts.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Chart

CASE_COLOURS = {
    "1": "#009e73",
    "2": "#56b4e9",
    "3": "#e69f00",
    "4": "#d55e00",
    "undecided": "#bbbbbb",
}
NAME = 28  # letters of a condition's name
WIDTH = 7.0  # inches
ROW = 0.34  # inches


def study_charts(
    tables: Mapping[str, pd.DataFrame], titles: Mapping[str, str], cases: Mapping[str, str]
) -> dict[str, Chart]:
    """Every figure by its file's name.

    Args:
        tables: cases, shares, positions and funnel, as ``study.results`` has them.
        titles: what people read of each choice.
        cases: what people read of each case.

    Returns:
        "cases" (stacked) and "case_intervals", where there are cases, "shares", "positions" and
        "funnel".
    """
    parted = (
        {
            "cases": _stacked(tables["cases"], titles, cases),
            "case_intervals": _intervals(tables["cases"], titles, cases),
        }
        if len(tables["cases"])
        else {}
    )
    return {
        **parted,
        "shares": _points(tables["shares"], tables["shares"].choice.map(titles), "of all answers"),
        "positions": _points(
            tables["positions"],
            [f"place {place}" for place in tables["positions"].place],
            "of chosen heatmaps",
            1 / max(1, len(tables["positions"])),
        ),
        "funnel": _funnel(tables["funnel"]),
    }


def _stacked(table: pd.DataFrame, titles: Mapping[str, str], cases: Mapping[str, str]) -> Chart:
    models = list(dict.fromkeys(table.model))[::-1]
    chart, axes = _chart(len(models) + 3)
    left = np.zeros(len(models))
    for case, colour in CASE_COLOURS.items():
        own = table[table.case.astype(str) == case].set_index("model").share
        shares = own.reindex(models).fillna(0.0).to_numpy(float)
        axes.barh(range(len(models)), shares, left=left, color=colour, label=cases[case])
        for place, (share, start) in enumerate(zip(shares, left, strict=True)):
            if share >= 0.06:
                axes.text(start + share / 2, place, f"{share:.0%}", ha="center", va="center",
                          fontsize=8)  # fmt: skip
        left += shares
    axes.set_yticks(range(len(models)), [_short(titles[model]) for model in models])
    _of(axes, "of all pictures shown")
    chart.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return chart


def _intervals(table: pd.DataFrame, titles: Mapping[str, str], cases: Mapping[str, str]) -> Chart:
    models = list(dict.fromkeys(table.model))
    chart, axes = _chart(len(cases) * (len(models) * 0.6 + 0.6) + 2)
    for number, model in enumerate(models):
        own = table[table.model == model]
        shift = (number - (len(models) - 1) / 2) * 0.8 / max(1, len(models))
        places = np.arange(len(own)) + shift
        _errors(axes, own, places, COLOURS[number % len(COLOURS)], _short(titles[model]))
    axes.set_yticks(range(len(cases)), [cases[str(case)] for case in cases])
    axes.invert_yaxis()
    _of(axes, "of all pictures shown")
    chart.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return chart


def _points(
    table: pd.DataFrame, names: Sequence[str] | pd.Series, of: str, expected: float | None = None
) -> Chart:
    chart, axes = _chart(len(table) + 1)
    _errors(axes, table, np.arange(len(table)), COLOURS[0], "")
    axes.set_yticks(range(len(table)), [_short(name) for name in names])
    axes.invert_yaxis()
    if expected is not None:
        axes.axvline(expected, color="#777777", linewidth=0.8, linestyle="dashed")
    _of(axes, of)
    return chart


def _funnel(table: pd.DataFrame) -> Chart:
    chart, axes = _chart(len(table) + 1)
    counts = table["count"].tolist()
    axes.barh(range(len(counts)), counts, color=COLOURS[0])
    for place, count in enumerate(counts):
        axes.text(count, place, f" {count}", va="center", fontsize=7)
    axes.set_yticks(range(len(counts)), table.title.tolist())
    axes.invert_yaxis()
    axes.set_xlabel("people", fontsize=8)
    axes.margins(x=0.08)
    return chart


def _errors(axes: Axes, table: pd.DataFrame, places: np.ndarray, colour: str, label: str) -> None:
    """A point with its interval for each row."""
    share = table.share.to_numpy(float)
    below, above = share - table.low.to_numpy(float), table.high.to_numpy(float) - share
    axes.errorbar(
        share, places, xerr=np.clip([below, above], 0, None), fmt="o", color=colour, capsize=3,
        markersize=4, linewidth=1.2, label=label or None,
    )  # fmt: skip


def _of(axes: Axes, what: str) -> None:
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_xlabel(f"share {what}", fontsize=8)


def _chart(rows: float) -> tuple[Chart, Axes]:
    from matplotlib.figure import Figure as Chart

    chart = Chart(figsize=(WIDTH, max(1.6, ROW * rows + 0.6)), dpi=150, layout="constrained")
    axes = chart.subplots()
    axes.tick_params(labelsize=8)
    return chart, axes


def _short(title: str) -> str:
    short = title if len(title) <= NAME else f"{title[: NAME - 1]}…"
    # "$" would begin a formula, and titles come from outside.
    return short.replace("$", r"\$")
