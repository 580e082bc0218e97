"""Reliability: how far along a heatmap, and along its opposite, until the class changes."""

from __future__ import annotations

from pages.components import shell
from pages.components.reliability import about, many_pictures, single_picture
from pages.components.reliability.metric_controls import FIRST, choose_metric

VIEWS = {"one": "One picture", "many": "Many pictures"}


def page() -> None:
    classified = shell.begin("Reliability (APEM)", "numbers")
    row = shell.controls()
    view = row.segmented_control(
        "View",
        list(VIEWS),
        default="one",
        required=True,
        format_func=VIEWS.__getitem__,
        key="view",
        bind="query-params",
        label_visibility="collapsed",
    )
    choices = shell.choose_methods(classified, row, FIRST)
    metric = choose_metric(row)
    shell.require_methods(choices)
    idle = (single_picture if view == "one" else many_pictures).show(classified, choices, metric)
    about.show()
    shell.end(classified, choices, idle)


page()
