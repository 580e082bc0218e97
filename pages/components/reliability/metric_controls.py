"""How maps are measured: stages, shuffled maps and the largest number of steps."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components.select_controls import segments
from xai_core.explainers.choices import Choice
from xai_core.heatmaps import STAGES
from xai_core.tasks import Metric

FIRST = tuple(Choice(name) for name in ("saliency", "smoothgrad", "lrp_epsilon", "gradcam"))
STAGE_TITLES = {
    "channels": "Channels apart",
    "map": "Sum of channels",
    "map*image": "Sum × picture",
}
MOST_SHUFFLES, MOST_STEPS = 50, 10_000


def choose_metric(row: Any) -> Metric:
    """The settings of the metric, folded up."""
    usual = Metric()
    with row.popover("Metric", icon=":material/tune:"):
        shuffles = st.number_input(
            "Shuffled maps",
            0,
            MOST_SHUFFLES,
            usual.shuffles,
            key="shuffles",
            bind="query-params",
            help="The normalised metric compares each map with so many shuffled ones. It takes "
            "that many times as long; 0 leaves it out.",
        )
        seed = st.number_input(
            "Seed of the shuffles",
            0,
            2**31 - 1,
            usual.seed,
            key="shuffle_seed",
            bind="query-params",
        )
        most = st.number_input(
            "Most steps",
            1,
            MOST_STEPS,
            usual.eps_max,
            key="eps_max",
            bind="query-params",
            help="A map whose steps do not change the class by then is censored: it has no number "
            "and enters no average.",
        )
    return Metric(STAGES, int(shuffles), int(seed), int(most))


def choose_stage(row: Any) -> str:
    """Which stage of a map is looked at."""
    return segments(
        row,
        "Stage",
        STAGE_TITLES,
        "apem_stage",
        help="Channels apart: a number for each colour channel of each pixel. Sum of channels: "
        "one a pixel. Sum × picture: that number times the picture's three values.",
    )


def begin_at(key: str, first: int, last: int) -> None:
    """Where the slider of that key stands at first, and never beyond its last place.

    Set no more often than that: what Python sets takes the place of what the visitor has moved
    since the run began.
    """
    if key not in st.session_state:
        st.session_state[key] = first
    if st.session_state[key] > last:
        st.session_state[key] = last
