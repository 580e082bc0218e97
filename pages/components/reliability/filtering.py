"""The filter: what of a map can be left out without its metric falling."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from pages.components.progress import problem, watch
from pages.components.reliability.controls import begin_at
from pages.components.reliability.drawing import map_picture
from pages.components.work import gather
from xai_core import orders
from xai_core.cache import Result
from xai_core.jobs import Task
from xai_core.orders import Model

PURPOSE = "apem-filter"
ASKED = "_filtered"  # in the session: keys of what the visitor wants filtered
PLACE = "filter_step"
HELP = (
    "Again and again the map's smallest value becomes zero, as long as its APEM does not fall. "
    "What is left explains as much with less to look at."
)


def show(model: Model, explained: Task, relevance: object, stage: str, eps_max: int) -> None:
    """The button; then the progress; then the map at every step.

    Args:
        model: keywords of ``load_classifier``.
        explained: the order that gave the map.
        relevance: the raw map.
        stage: which stage of it.
        eps_max: the most steps.
    """
    st.markdown("**Filter**")
    row = st.container(horizontal=True, vertical_alignment="center")
    every = row.toggle(
        "Ask every number of steps",
        key="filter_every",
        help="The definition to the letter: minutes for a map of 64 × 64 values, days for 224 × "
        "224 without a graphics card. Otherwise maps between two that clearly have the same "
        "answer are left out (a fall could be missed), and the last two are asked wholly.",
    )
    order = orders.filtering(model, explained, relevance, stage, eps_max, every)
    asked: set[str] = st.session_state.setdefault(ASKED, set())
    if row.button("Filter this map", icon=":material/filter_alt:", help=HELP):
        asked.add(order.key)
    if order.key not in asked:
        gather(PURPOSE, [])
        st.caption(HELP)
        return
    work = gather(PURPOSE, [order], patience=0.5)
    if work.running:
        watch(work, "Filtering")
    elif order.key in work.problems:
        problem(work.problems[order.key], work)
    elif order.key in work.results:
        st.fragment(_found)(work.results[order.key])


def _found(found: Result) -> None:
    path = {name: found.arrays[name] for name in ("threshold", "kept", "eps_minus", "eps_plus")}
    apem = path["eps_plus"] - path["eps_minus"]
    kept = found.facts["kept"]
    last = int(np.flatnonzero(path["kept"] >= kept)[-1])
    if np.isnan(apem[0]):
        st.info("The map's APEM is censored, so there is nothing that may not fall.")
        return
    if last == 0:
        st.info("Nothing can be left out: the first step lowers the APEM.")
    begin_at(PLACE, last, len(apem) - 1)
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with right:
        place = int(
            st.slider("Values left out, by steps", 0, max(1, len(apem) - 1), key=PLACE)
            if len(apem) > 1
            else 0
        )
        fell = " This is the step that is refused." if place > last else ""
        number = "censored" if np.isnan(apem[place]) else f"{apem[place]:.0f}"
        st.markdown(
            f"**{path['kept'][place]:.1%}** of the map's values are left; APEM **{number}**.{fell}"
        )
        st.caption(
            f"The filter keeps {kept:.1%}; APEM {apem[0]:.0f} before, {apem[last]:.0f} after."
        )
        st.plotly_chart(_chart(path["kept"], apem, place), key="filter-chart")
    with left:
        whole = found.arrays["map"]
        at = np.where(whole > path["threshold"][place], whole, 0)
        columns = st.columns(2)
        columns[0].image(map_picture(whole), caption="the whole map", width="stretch")
        columns[1].image(map_picture(at), caption=f"after {place} steps", width="stretch")


def _chart(kept: np.ndarray, apem: np.ndarray, place: int) -> go.Figure:
    figure = go.Figure()
    figure.add_scatter(
        x=kept.tolist(),
        y=apem.tolist(),
        mode="lines",
        line={"shape": "hv", "color": "#0072B2"},
        hovertemplate="%{x:.1%} kept: APEM %{y}<extra></extra>",
    )
    figure.add_vline(x=float(kept[place]), line={"width": 2, "color": "#ff4b4b"})
    figure.update_layout(
        margin={"l": 0, "r": 0, "t": 8, "b": 0},
        height=200,
        xaxis={"title": "share of values kept", "tickformat": ".0%", "autorange": "reversed"},
        yaxis={"title": "APEM"},
    )
    return figure
