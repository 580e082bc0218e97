"""Charts for files. matplotlib is imported when one is drawn, because that takes a while."""

from xai_core.charts.class_sensitivity import class_chart
from xai_core.charts.histogram import density, whole_edges
from xai_core.charts.localization import localization_chart
from xai_core.charts.reliability import reliability_charts
from xai_core.charts.sanity import curve_chart, map_grid
from xai_core.charts.study import study_charts
from xai_core.charts.style import COLOURS, DASHES, chart_bytes

__all__ = [
    "COLOURS",
    "DASHES",
    "chart_bytes",
    "class_chart",
    "curve_chart",
    "density",
    "localization_chart",
    "map_grid",
    "reliability_charts",
    "study_charts",
    "whole_edges",
]
