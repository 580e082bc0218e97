"""Figures of a study of reliability (after A figures 4.2 to 4.7 and 5.1 to 5.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from xai_core.charts.histogram import BINS, density, whole_edges
from xai_core.charts.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Chart

BOXES = ("apem", "eps_minus", "eps_plus")
PANEL = (3.2, 2.6)  # inches
NAME = 26  # letters of a method's name
PARTS = {"better": "#009e73", "equal": "#bbbbbb", "worse": "#d55e00"}
NOWHERE = "no method is ahead of a weaker one along its map"
BAR = 0.1  # of a panel's height, for a pair


def reliability_charts(
    table: pd.DataFrame,
    found: Mapping[str, Callable[[], pd.DataFrame]],
    titles: Mapping[str, str],
    measures: Mapping[str, str],
) -> dict[str, Callable[[], Chart]]:
    """What draws every figure, by its file's name.

    Args:
        table: a row for each picture, method and stage (``apem.summary.as_table``).
        found: what makes tables of ``apem.result_files.tables``, by name: pairwise, stages,
            irrelevance.
        titles: what people read of each method.
        measures: likewise of each column of numbers.

    Returns:
        "boxes"; for more than one method "pairs" and "irrelevance"; for more than one stage
        "stages"; and with shuffled maps "shuffled".
    """

    def of_all(name: str) -> pd.DataFrame:
        rows = found[name]()
        return rows[rows.group == "all"]

    charts: dict[str, Callable[[], Chart]] = {"boxes": lambda: _boxes(table, titles, measures)}
    if table.method.nunique() > 1:
        charts["pairs"] = lambda: _pairs(of_all("pairwise"), titles)
        charts["irrelevance"] = lambda: _irrelevance(of_all("irrelevance"), titles)
    if table.stage.nunique() > 1:
        charts["stages"] = lambda: _stages(of_all("stages"), titles)
    if table.apem_shuffled.notna().any():
        charts["shuffled"] = lambda: _shuffled(table, titles)
    return charts


def _boxes(table: pd.DataFrame, titles: Mapping[str, str], measures: Mapping[str, str]) -> Chart:
    stages = list(dict.fromkeys(table.stage))
    right = table.correct.astype("boolean")
    parts = {
        "rightly classified": table[right.fillna(False)],
        "wrongly classified": table[(~right).fillna(False)],
        "true class unknown": table[right.isna()],
    }
    parts = {name: part for name, part in parts.items() if len(part)}
    methods = list(dict.fromkeys(table.method))

    def draw(axes: Axes, measure: str, stage: str) -> None:
        width = 0.8 / len(parts)
        for number, (name, part) in enumerate(parts.items()):
            own = part[part.stage == stage]
            values = [own[own.method == m][measure].dropna().to_numpy(float) for m in methods]
            places = [i + (number - (len(parts) - 1) / 2) * width for i in range(len(methods))]
            drawn = axes.boxplot(
                values, positions=places, widths=width * 0.8, patch_artist=True, showmeans=True,
                flierprops={"marker": ".", "markersize": 2},
                meanprops={"marker": "x", "markeredgecolor": "black", "markersize": 5},
                medianprops={"color": "black"},
            )  # fmt: skip
            for box in drawn["boxes"]:
                box.set_facecolor(COLOURS[number])
            drawn["boxes"][0].set_label(name)
        axes.set_xticks(range(len(methods)), [_short(titles[m]) for m in methods], rotation=30,
                        ha="right", fontsize=7)  # fmt: skip
        axes.axhline(0, color="#777777", linewidth=0.6)

    return _grid(BOXES, stages, draw, measures, legend=len(parts) > 1)


def _pairs(pairs: pd.DataFrame, titles: Mapping[str, str]) -> Chart:
    stages = list(dict.fromkeys(pairs.stage))

    def draw(axes: Axes, _: str, stage: str) -> None:
        own = pairs[pairs.stage == stage]
        both = zip(own.method, own.other, strict=True)
        _shares(axes, [f"{_short(titles[a])} / {_short(titles[b])}" for a, b in both], own)

    tall = max(1.0, BAR * len(pairs) / len(stages))
    return _grid(["share of pictures"], stages, draw, {}, legend=True, tall=tall, sharey=True)


def _stages(pairs: pd.DataFrame, titles: Mapping[str, str]) -> Chart:
    """Of each method (A figure 4.7)."""
    methods = list(dict.fromkeys(pairs.method))

    def draw(axes: Axes, method: str, _: str) -> None:
        own = pairs[pairs.method == method]
        both = zip(own.stage, own.other, strict=True)
        _shares(axes, [f"{one} / {other}" for one, other in both], own)

    names = {method: _short(titles[method]) for method in methods}
    return _grid(methods, ["share of pictures"], draw, names, legend=True, tall=0.5)


def _shares(axes: Axes, names: Sequence[str], pairs: pd.DataFrame) -> None:
    """A bar for each pair, the first on top: better, equal and worse."""
    places, left = list(range(len(pairs)))[::-1], [0.0] * len(pairs)
    for part, colour in PARTS.items():
        shares = pairs[part].fillna(0.0).tolist()
        axes.barh(places, shares, left=left, color=colour, label=part)
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set_yticks(places, names, fontsize=6)
    axes.set_xlim(0, 1)


def _irrelevance(ahead: pd.DataFrame, titles: Mapping[str, str]) -> Chart:
    """Each method beside the next weaker one, where its ε− is smaller (A figure 5.1)."""
    pairs: dict[Any, list[pd.DataFrame]] = {}
    for (stage, _, _), own in ahead.groupby(["stage", "method", "other"], sort=False):
        pairs.setdefault(stage, []).append(own)
    if not pairs:
        return _grid([""], [NOWHERE], lambda axes, *_: axes.set_axis_off(), {}, legend=False)

    def draw(axes: Axes, place: str, stage: str) -> None:
        if int(place) >= len(pairs[stage]):
            axes.set_axis_off()
            return
        own = pairs[stage][int(place)]
        one, other = (_short(titles[own[name].iloc[0]]) for name in ("method", "other"))
        values = own.difference.to_numpy(float)
        edges = whole_edges(values)
        axes.hist(values, bins=edges.tolist(), color=COLOURS[0], alpha=0.6)
        axes.plot(*density(values, edges), color="black", linewidth=1)
        axes.axvline(0, color="#777777", linewidth=0.6)
        axes.set_xlabel(f"ε+ of {one}\n− ε+ of {other}", fontsize=7)
        among = f"{len(own)} of {own.pictures.iloc[0]}\npictures"
        axes.annotate(among, (0.97, 0.95), xycoords="axes fraction", ha="right", va="top",
                      fontsize=7)  # fmt: skip

    rows = [str(place) for place in range(max(map(len, pairs.values())))]
    return _grid(rows, list(pairs), draw, dict.fromkeys(rows, "pictures"), legend=False)


def _shuffled(table: pd.DataFrame, titles: Mapping[str, str]) -> Chart:
    methods = list(dict.fromkeys(table.method))
    stages = list(dict.fromkeys(table.stage))

    def draw(axes: Axes, method: str, stage: str) -> None:
        own = table[(table.method == method) & (table.stage == stage)]
        axes.set_xlabel("APEM", fontsize=8)
        values = {
            name: own[column].dropna().to_numpy(float)
            for column, name in {"apem": "the map", "apem_shuffled": "shuffled"}.items()
        }
        together = np.concatenate(list(values.values()))
        if not len(together):
            return
        edges = np.histogram_bin_edges(together, bins=BINS).tolist()
        for number, (name, some) in enumerate(values.items()):
            axes.hist(some, bins=edges, alpha=0.6, color=COLOURS[number], label=name)
        axes.axvline(0, color="#777777", linewidth=0.6)

    return _grid(methods, stages, draw, {m: _short(titles[m]) for m in methods}, legend=True)


def _grid(
    rows: Sequence[str],
    columns: Sequence[str],
    draw: Callable[[Any, str, str], None],
    names: Mapping[str, str],
    legend: bool,
    tall: float = 1.0,
    sharey: bool = False,
) -> Chart:
    """A panel for each row and stage."""
    from matplotlib.figure import Figure as Chart

    size = (PANEL[0] * max(2, len(columns)), PANEL[1] * len(rows) * tall + 0.5)
    chart = Chart(figsize=size, dpi=150, layout="constrained")
    grid = chart.subplots(len(rows), len(columns), squeeze=False, sharey=True if sharey else "row")
    for down, row in enumerate(rows):
        for across, column in enumerate(columns):
            axes = grid[down, across]
            draw(axes, row, column)
            axes.tick_params(labelsize=7)
            if down == 0:
                axes.set_title(column, fontsize=9)
            if across == 0:
                axes.set_ylabel(names.get(row, row), fontsize=8)
    if legend:
        known: dict[str, Any] = {}  # a panel without values has no entries
        for axes in chart.axes:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                known.setdefault(label, handle)
        chart.legend(
            known.values(), known, loc="outside lower center", ncols=3, fontsize=8, frameon=False
        )
    return chart


def _short(title: str) -> str:
    return title if len(title) <= NAME else f"{title[: NAME - 1]}…"
