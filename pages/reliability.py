"""Reliability: how far along a heatmap, and along its opposite, until the class changes."""

from __future__ import annotations

import streamlit as st

from pages.components import notes, support
from pages.components.methods import choose_methods
from pages.components.models import choose_model
from pages.components.pictures import choose_pictures
from pages.components.reliability import about, many, single
from pages.components.reliability.controls import FIRST, choose_metric
from pages.components.scene import build_scene

VIEWS = {"one": "One picture", "many": "Many pictures"}


def page() -> None:
    st.html("<style>.stMainBlockContainer{padding:2.6rem clamp(1rem,3vw,3rem) 2rem}</style>")
    with st.sidebar:
        pictures = choose_pictures()
        model = choose_model()
    st.subheader("Reliability (APEM)", anchor=False)
    if not pictures:
        st.info("Choose a sample or upload a picture on the left; its numbers appear here.")
        return
    if model is None:
        st.info("Complete the model on the left; the numbers appear here.")
        return
    scene = build_scene(model, pictures)
    refusals = support.refusals(scene)
    row = st.container(horizontal=True, vertical_alignment="bottom")
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
    choices = choose_methods(scene, refusals, row, FIRST)
    metric = choose_metric(row)
    if not choices:
        st.info("Choose at least one method above.")
        return
    idle = (single if view == "one" else many).show(scene, choices, metric)
    about.show()
    notes.show(choices, refusals)
    support.find_out(scene, idle=idle)


page()
