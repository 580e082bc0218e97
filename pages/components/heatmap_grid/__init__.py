"""The grid of pictures and heatmaps: linked zoom, shared cursor, colour bar, frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pages.components import modules

HERE = Path(__file__).parent
CSS = (HERE / "grid.css").read_text(encoding="utf-8")
HTML = """
<div class="root">
  <div class="head">
    <div class="tools">
      <button class="in" title="Zoom in" aria-label="Zoom in">+</button>
      <button class="out" title="Zoom out" aria-label="Zoom out">&minus;</button>
      <button class="reset">Whole picture</button>
      <span class="more" hidden>
        <button class="earlier" aria-label="Earlier methods">&lsaquo;</button>
        <span class="count"></span>
        <button class="later" aria-label="Further methods">&rsaquo;</button>
      </span>
      <span class="bar"><span></span><canvas width="257" height="1"></canvas><span></span></span>
    </div>
    <p class="readout"></p>
    <div class="frames" hidden>
      <button class="play" title="Play" aria-label="Play"></button>
      <span class="frame-title"></span>
      <span class="label"></span>
      <div class="track">
        <input class="slider" type="range" min="0" max="0" step="1" value="0" aria-label="Frame">
        <div class="ticks" aria-hidden="true"></div>
      </div>
    </div>
    <div class="titles" aria-hidden="true"></div>
  </div>
  <div class="view"><div class="grid" role="region"></div></div>
</div>
"""


def heatmap_grid(
    data: Mapping[str, Any], key: str, on_frame_change: Callable[[], None] = lambda: None
) -> Any:
    """Draw the grid.

    Args:
        data: ``rows`` (id, title, note, picture address), ``columns`` (id, title, note, words:
            what all its maps share), ``shared`` (what all maps share), ``tiles`` [rows][columns]
            (map address, width, height, planes, scale, note below it, said: more that is read
            out, waiting, problem) and ``display`` (lut, colours, diverging, opacity, bar,
            bar_shown). With ``frames`` (labels) each tile is ``{"frames": [...]}``, one such tile
            for each label, and a slider chooses between them; ``frameTicks`` are shorter names
            under it, ``frameTitle`` stands before it, and ``frame`` (an index) is shown whenever
            the counter ``frameAsked`` differs from the last run's.
        key: name of this grid on its page.
        on_frame_change: called when the slider has come to rest in another place.

    Returns:
        The grid's state. Its ``frame`` is the index where the slider rests, ``None`` until it
        was first moved.
    """
    given = {"default": {"frame": None}, "on_frame_change": on_frame_change}
    return modules.show("heatmap_grid", "grid.js", HTML, CSS, data, key, **given)
