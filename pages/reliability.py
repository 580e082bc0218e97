"""Reliability: how far along a heatmap, and along its opposite, until the class changes."""

from __future__ import annotations

from pages.components import own_maps, shell
from pages.components.reliability import about, many_pictures, single_picture
from pages.components.reliability.metric_controls import FIRST, choose_metric
from pages.components.select_controls import segments

VIEWS = {"one": "One picture", "many": "Many pictures"}


def page() -> None:
    classified = shell.begin("Reliability (APEM)", "numbers")
    row = shell.controls()
    view = segments(row, "View", VIEWS, "view", label_visibility="collapsed")
    choices = shell.choose_methods(classified, row, FIRST)
    classified, own = own_maps.choose(classified, row)
    choices += own
    metric = choose_metric(row)
    shell.require_methods(choices)
    idle = (single_picture if view == "one" else many_pictures).show(classified, choices, metric)
    about.show()
    shell.end(classified, choices, idle)


page()
