"""What the live charts of all pages share: colours and layout."""

from __future__ import annotations

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

# Okabe & Ito 2008: told apart by people who cannot tell red from green.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7f7f7f")

INTERVAL = {"light": "#444444", "dark": "#f2f2f2"}  # seen on a bar and beside it


def laid_out(figure: go.Figure, height: int, legend_y: float = -0.2, **layout: Any) -> go.Figure:
    """The figure, so many pixels high, with its legend at ``legend_y`` heights of the plot."""
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        height=height,
        legend={"orientation": "h", "y": legend_y, "x": 0, "traceorder": "normal"},
        **layout,
    )
    return figure


def mark(figure: go.Figure, x: float) -> None:
    """A line at the place that the page's slider has chosen."""
    figure.add_vline(x=x, line={"width": 2, "color": "#ff4b4b"})


def intervals(means: pd.DataFrame) -> dict[str, Any]:
    """What draws the intervals of horizontal bars; a mean without one has none.

    Args:
        means: columns mean, low and high.
    """
    known = means.low.notna() & means.high.notna()
    return {
        "type": "data",
        "symmetric": False,
        "array": (means.high - means["mean"]).where(known, 0).tolist(),
        "arrayminus": (means["mean"] - means.low).where(known, 0).tolist(),
        "visible": bool(known.any()),
        "color": INTERVAL[st.context.theme.type or "light"],
    }
