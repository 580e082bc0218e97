"""Class sensitivity: does the heatmap change with the class, and does it go to the right place?"""

from __future__ import annotations

import streamlit as st

from pages.components import own_maps, shell
from pages.components.class_sensitivity import about, many_pictures, one_picture
from pages.components.select_controls import segments

VIEWS = {"one": "One picture", "many": "Many pictures"}


def page() -> None:
    classified = shell.begin("Class sensitivity", one_class=False)
    if len(classified.class_names) < 2:
        st.info("This model has one class; the test compares two.")
        st.stop()
    row = shell.controls()
    view = segments(row, "View", VIEWS, "view", label_visibility="collapsed")
    choices = shell.choose_methods(classified, row)
    own_maps.not_here("this test needs maps of several classes")
    shell.require_methods(choices)
    idle = (one_picture if view == "one" else many_pictures).show(classified, choices)
    about.show()
    shell.end(classified, choices, idle)


page()
