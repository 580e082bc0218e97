"""The grid of pictures and heatmaps: linked zoom, shared cursor, colour bar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import streamlit as st

HERE = Path(__file__).parent
CSS = (HERE / "grid.css").read_text(encoding="utf-8")
JS = (HERE / "grid.js").read_text(encoding="utf-8")
HTML = """
<div class="root">
  <div class="tools">
    <button class="in" title="Zoom in" aria-label="Zoom in">+</button>
    <button class="out" title="Zoom out" aria-label="Zoom out">&minus;</button>
    <button class="reset">Whole picture</button>
    <span class="readout" role="status">Point at a heatmap to read its value.</span>
    <span class="bar"><span></span><canvas width="257" height="1"></canvas><span></span></span>
  </div>
  <div class="grid"></div>
</div>
"""


def heatmap_grid(data: Mapping[str, Any], key: str) -> None:
    """Draw the grid.

    Args:
        data: ``rows`` (id, title, note, picture address), ``columns`` (id, title, note),
            ``tiles`` [rows][columns] (map address, width, height, planes, scale, note, waiting,
            problem) and ``display`` (lut, colours, diverging, opacity, bar, bar_shown).
        key: name of this grid on its page.
    """
    # Registered on every run, because a registration lasts as long as the server's runtime.
    grid = st.components.v2.component("heatmap_grid", html=HTML, css=CSS, js=JS)
    grid(data=dict(data), key=key)
