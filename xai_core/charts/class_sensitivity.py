"""How alike a method's maps of two classes are, and what random maps reach."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from xai_core.charts.style import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart

WIDTH, ROW, REST = 3.6, 0.28, 1.0  # inches of a panel, of a bar, and around the bars


def class_chart(
    means: pd.DataFrame, titles: Mapping[str, str], measures: Mapping[str, str]
) -> Chart:
    """One panel a measure, one bar a method, the most sensitive on top.

    Args:
        means: of ``class_sensitivity.averages``, of one show.
        titles: what people read of each method.
        measures: likewise of each measure.
    """
    from matplotlib.figure import Figure as Chart

    tall = max(1, means.method.nunique()) * ROW + REST
    chart = Chart(figsize=(WIDTH * max(1, len(measures)), tall), dpi=150, layout="constrained")
    panels = chart.subplots(1, max(1, len(measures)), squeeze=False)[0]
    for axes, (measure, title) in zip(panels, measures.items(), strict=False):
        own = means[means.measure == measure].iloc[::-1]
        places = range(len(own))
        axes.barh(places, own["mean"], color=COLOURS[0], height=0.6)
        known = own.low.notna()
        spread = [(own["mean"] - own.low).where(known, 0), (own.high - own["mean"]).where(known, 0)]
        axes.errorbar(own["mean"], places, xerr=spread, fmt="none", ecolor="black", capsize=2)
        axes.scatter(own.noise, places, marker="|", s=120, color=COLOURS[1], label="random maps")
        axes.set_yticks(places, [titles[name] for name in own.method], fontsize=7)
        axes.set_xlabel(f"{title} between the classes", fontsize=8)
        lowest = own[["mean", "low", "noise"]].fillna(0).to_numpy().min(initial=0)
        axes.set_xlim(lowest, 1)
    if measures:
        panels[0].legend(fontsize=7, frameon=False)
    chart.draw_without_rendering()
    return chart
