"""Figures of a sanity check: curves over the depth, and the maps of every depth in rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from xai_core.charts.style import COLOURS, DASHES
from xai_core.display import Display
from xai_core.figures import (
    BAR_HEIGHT,
    FONT_SIZE,
    GAP,
    LINE,
    Figure,
    Label,
    Tile,
    colour_bar,
    fitted,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Chart

COLUMNS = 4
PANEL = (3.4, 2.6)  # inches
LABELS = 20  # more names below an axis run into each other
TITLE_WIDTH = 190
BAR_WIDTH = 300
Floors = Mapping[tuple[str, str], tuple[float, float]]


def curve_chart(
    curves: pd.DataFrame, titles: Mapping[str, str], measures: Mapping[str, str], floors: Floors
) -> Chart:
    """One panel for every test and method: mean and spread of each measure over the depth.

    Args:
        curves: columns test, method, measure, depth, layer, mean, spread (NaN for none).
        titles: what people read of each method.
        measures: likewise of each measure.
        floors: mean and standard deviation that maps of noise reach, by method and measure.
    """
    from matplotlib.figure import Figure as Chart
    from matplotlib.patches import Patch

    # A table that is still empty gives an empty sheet.
    tests = list(dict.fromkeys(curves.test)) or [""]
    methods = list(dict.fromkeys(curves.method))
    down = max(1, math.ceil(len(methods) / COLUMNS))
    across = max(1, math.ceil(len(methods) / down))
    size = (max(PANEL[0] * across, 2 * PANEL[0]), PANEL[1] * down * len(tests) + 0.7)
    chart = Chart(figsize=size, dpi=150, layout="constrained")
    grid = chart.subplots(down * len(tests), across, squeeze=False, sharey=True)
    for axes in grid.flat:
        axes.set_visible(False)
    for block, test in enumerate(tests):
        for number, method in enumerate(methods):
            axes = grid[block * down + number // across, number % across]
            axes.set_visible(True)
            axes.set_title(titles[method] + (f" – {test}" if len(tests) > 1 else ""), fontsize=9)
            own = curves[(curves.test == test) & (curves.method == method)]
            _draw_panel(axes, own, measures, {m: floors.get((method, m)) for m in measures})
    lines, _ = grid.flat[0].get_legend_handles_labels()
    bands = [
        Patch(color="#777777", alpha=0.35, linewidth=0, label="± standard deviation over seeds"),
        Patch(color="#777777", alpha=0.15, linewidth=0, label="level: two maps of noise"),
    ]
    chart.legend(
        handles=[*lines, *bands], loc="outside lower center", ncols=3, fontsize=8, frameon=False
    )
    # The places are found once, not again for every form of file.
    chart.draw_without_rendering()
    chart.set_layout_engine("none")
    return chart


def map_grid(
    rows: Mapping[str, Sequence[NDArray[Any] | None]],
    depths: Sequence[str],
    picture: Image.Image,
    captions: Sequence[str],
    size: tuple[int, int],
    side: int = 128,
) -> Figure:
    """Methods down, depths across, as in the papers; the picture above.

    Args:
        rows: maps [C, h, w] of every depth by the method's title; None leaves a gap.
        depths: what people read above each column.
        picture: what the model sees, at any resolution.
        captions: lines beside the picture.
        size: (height, width) of the model's input, to which coarser maps are enlarged.
        side: longer side of a tile in pixels.
    """
    display = Display(opacity=1.0)
    small = fitted(picture, side)
    left = 2 * GAP + TITLE_WIDTH
    tiles = [Tile(GAP, GAP, small)]
    labels = [
        Label(left, GAP + LINE * number, text, (side + GAP) * len(depths))
        for number, text in enumerate(captions)
    ]
    bar_top = GAP + side - BAR_HEIGHT - LINE
    bar_tiles, bar_labels = colour_bar(display, left, bar_top, BAR_WIDTH)
    top = 2 * GAP + side
    for column, text in enumerate(depths):
        x = left + column * (side + GAP)
        labels.append(Label(x + side // 2, top, text, side, "middle"))
    top += LINE + GAP // 2
    pixels = np.zeros((3, *size))
    for row, (title, maps) in enumerate(rows.items()):
        y = top + row * (side + GAP)
        labels.append(Label(GAP, y + (side - FONT_SIZE) // 2, title, TITLE_WIDTH))
        for column, values in enumerate(maps):
            x = left + column * (side + GAP)
            if values is None:
                labels.append(Label(x + side // 2, y + side // 2, "no map", side, "middle"))
                continue
            shown = display.values(values, pixels)
            tiles.append(Tile(x, y, display.draw(shown, small)))
            if not shown.any():
                labels.append(Label(x + side // 2, y + side // 2, "empty", side, "middle"))
    width = left + len(depths) * (side + GAP)
    height = top + len(rows) * (side + GAP)
    return Figure(
        max(width, left + BAR_WIDTH + 20), height, [*tiles, *bar_tiles], [*labels, *bar_labels]
    )


def _draw_panel(
    axes: Axes,
    rows: pd.DataFrame,
    measures: Mapping[str, str],
    floors: Mapping[str, tuple[float, float] | None],
) -> None:
    for number, measure in enumerate(dict.fromkeys(rows.measure)):
        _draw_floor(axes, number, floors[measure])
        _draw_line(axes, number, rows[rows.measure == measure], measures[measure])
    _name_depths(axes, rows)


def _draw_floor(axes: Axes, number: int, floor: tuple[float, float] | None) -> None:
    if floor is None or not np.isfinite(floor[0]):
        return
    mean, spread = floor
    hue = COLOURS[number % len(COLOURS)]
    axes.axhspan(mean - spread, mean + spread, color=hue, alpha=0.15, linewidth=0)
    axes.axhline(mean, color=hue, linewidth=0.6, alpha=0.6)


def _draw_line(axes: Axes, number: int, line: pd.DataFrame, name: str) -> None:
    hue = COLOURS[number % len(COLOURS)]
    style = DASHES[number % len(DASHES)]
    depth, mean = line.depth.to_numpy(float), line["mean"].to_numpy(float)
    spread = line.spread.fillna(0.0).to_numpy(float)
    axes.fill_between(depth, mean - spread, mean + spread, color=hue, alpha=0.25, linewidth=0)
    axes.plot(depth, mean, color=hue, linestyle=style, linewidth=1.4, label=name)


def _name_depths(axes: Axes, rows: pd.DataFrame) -> None:
    """Layers below the axis; of very many, some."""
    names = dict(zip(rows.depth, rows.layer, strict=True))
    every = math.ceil(len(names) / LABELS)
    shown = sorted(names)[::every]
    axes.set_xticks(shown, [str(names[depth]) for depth in shown], rotation=90, fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlim(min(names), max(names) + 0.02)
    axes.grid(axis="y", linewidth=0.4, alpha=0.5)
    axes.set_axisbelow(True)
