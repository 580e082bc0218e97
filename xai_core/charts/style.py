"""What all charts share: colours, and how a chart becomes a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart

# Okabe and Ito 2008, "Color Universal Design", without the yellow, which is pale on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00")
DASHES = ("solid", "dashed", "dashdot", "dotted", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 3)))


def chart_bytes(chart: Chart, form: str) -> bytes:
    """The chart as "png", "svg" or "pdf", equal bytes for equal charts."""
    import matplotlib

    dates: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    stream = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "xai-workbench", "svg.fonttype": "none"}):
        chart.savefig(stream, format=form, metadata=dates.get(form))
    return stream.getvalue()
