"""How well methods localise, beside baselines that know nothing of the network."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from xai_core.charts.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Chart

    from xai_core.measure_registry import Measure

ACROSS = 3  # panels
WIDTH, ROW, REST = 3.6, 0.26, 0.8  # inches of a panel, of a bar, and around the bars
BASELINE = "baseline:"


def localization_chart(
    means: pd.DataFrame, titles: Mapping[str, str], measures: Mapping[str, Measure]
) -> Chart:
    """One panel a measure, one bar a method, in their order, with 95 % intervals.

    Args:
        means: of ``localization.summary.means``; baselines are the methods whose id says so.
        titles: what people read of each method.
        measures: the rows of the measures.
    """
    from matplotlib.figure import Figure as Chart

    methods = list(dict.fromkeys(means["method"]))
    across = min(ACROSS, max(1, len(measures)))
    down = max(1, math.ceil(len(measures) / across))
    tall = down * (max(1, len(methods)) * ROW + REST)
    chart = Chart(figsize=(WIDTH * across, tall), dpi=150, layout="constrained")
    panels = chart.subplots(down, across, squeeze=False).ravel()
    for axes in panels[len(measures) :]:
        axes.remove()
    for axes, (name, row) in zip(panels, measures.items(), strict=False):
        own = means[means["measure"] == name].set_index("method")
        _draw(axes, own.reindex([method for method in methods if method in own.index]), titles, row)
    chart.draw_without_rendering()
    return chart


def _draw(axes: Axes, own: pd.DataFrame, titles: Mapping[str, str], measure: Measure) -> None:
    shown = own.iloc[::-1]  # the first method on top
    places = range(len(shown))
    colours = [COLOURS[1] if name.startswith(BASELINE) else COLOURS[0] for name in shown.index]
    axes.barh(places, shown["mean"], color=colours, height=0.6)
    known = shown["low"].notna()
    ends = (shown["mean"] - shown["low"], shown["high"] - shown["mean"])
    spread = [end.where(known, 0).clip(lower=0) for end in ends]
    axes.errorbar(shown["mean"], places, xerr=spread, fmt="none", ecolor="black", capsize=2)
    axes.set_yticks(places, [titles[name] for name in shown.index], fontsize=7)
    better = "" if measure.higher_is_better else ", lower is better"
    axes.set_xlabel(f"{measure.short_title}{better}", fontsize=8)
    axes.tick_params("x", labelsize=7)
    if math.isfinite(measure.low) and math.isfinite(measure.high):
        axes.set_xlim(measure.low, measure.high)
