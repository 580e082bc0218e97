"""Localisation: do the heatmaps lie on the object?"""

from __future__ import annotations

from pages.components import own_maps, shell
from pages.components.localisation import about, data_set, one_picture
from pages.components.select_controls import segments

VIEWS = {"one": "One picture", "set": "A data set"}


def page() -> None:
    classified = shell.begin("Localisation")
    row = shell.controls()
    view = segments(row, "View", VIEWS, "view", label_visibility="collapsed")
    choices = shell.choose_methods(classified, row)
    if view == "one":
        classified, own = own_maps.choose(classified, row)
        choices += own
    else:
        own_maps.not_here("a data set's pictures need maps of their own")
    shell.require_methods(choices)
    idle = (one_picture if view == "one" else data_set).show(classified, choices)
    about.show()
    shell.end(classified, choices, idle)


page()
