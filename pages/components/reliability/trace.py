"""A map traced: the picture after ε steps along the map and along its opposite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from pages.components import alt_text
from pages.components.classified import ClassifiedImage
from pages.components.plots import COLOURS, laid_out, mark
from pages.components.reliability import map_images
from pages.components.reliability.metric_controls import begin_at
from pages.components.text import plain
from xai_core.apem.scores import TITLES
from xai_core.cache import Result

EPS = "eps"
WAYS = ("Along the map", "Along its opposite")
ENDS = ("eps_minus", "eps_plus")  # of these ways


def show(image: ClassifiedImage, titles: Sequence[str], trace: Result) -> None:
    """The slider, both pictures, and the probability over all steps of ``tasks.trace``."""
    minus, plus = ends = [trace.facts[name] for name in ENDS]
    last = trace.arrays["own"].shape[1] - 1
    known = [end for end in ends if end is not None]
    begin_at(EPS, min(known, default=last), last)
    epsilon = st.slider(
        "Steps ε",
        0,
        last,
        key=EPS,
        bind="query-params",
        help="Every step adds 1 to the sum of all changes of the picture's values (from 0 to 1). "
        "The picture is not clipped; what leaves the range is drawn at its end.",
    )
    apem = None if minus is None or plus is None else plus - minus
    line = st.container(horizontal=True, gap="large")
    for name, number in zip((*ENDS, "apem"), (minus, plus, apem), strict=True):
        line.markdown(f"{TITLES[name]} **{'censored' if number is None else number}**")
    shares = relevance_shares(trace.arrays["map"])
    for place, column in enumerate(st.columns(2, gap="large")):
        with column:
            _side(image, titles, trace, shares[place], place, int(epsilon), last)
    st.plotly_chart(_chart(titles, trace, int(epsilon)), key="way-chart")


def relevance_shares(map_: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
    """What a step does to each value, apart from its sign: along a map, and along its opposite.

    Args:
        map_: in [0, 1], [C, H, W].

    Returns:
        Two of [3, H, W], each of which sums to 1.
    """
    full = np.broadcast_to(map_.astype(np.float64), (3, *map_.shape[1:]))
    return full / full.sum(), (1 - full) / (1 - full).sum()


def _side(
    image: ClassifiedImage,
    titles: Sequence[str],
    trace: Result,
    shares: NDArray[Any],
    place: int,
    epsilon: int,
    last: int,
) -> None:
    change = shares * trace.arrays["signs"]
    gain = 0.5 / max(float(np.abs(last * change).max()), 1e-12)
    map_ = trace.arrays["map"] if place == 0 else 1 - trace.arrays["map"]
    st.markdown(f"**{WAYS[place]}**")
    pictures = {
        "the map" if place == 0 else "irrelevance, 1 − R": map_images.map_picture(map_),
        f"the change, ×{gain:.3g}": map_images.picture(0.5 + gain * epsilon * change),
        f"after {epsilon} steps": map_images.picture(image.pixels + epsilon * change),
    }
    row = st.container(horizontal=True, gap="small")
    for caption, picture in pictures.items():
        alt_text.image(picture, caption, row, map_images.SHOWN, caption=True)
    index = int(trace.arrays["classes"][place, epsilon])
    dot = ":green[●]" if index == trace.arrays["classes"][0, 0] else ":red[●]"
    share = float(trace.arrays["top"][place, epsilon])
    st.markdown(f"{dot} **{plain(titles[index])}** · {share:.1%}")
    end = trace.facts[ENDS[place]]
    st.caption(
        f"The class does not change within {last} steps: censored."
        if end is None
        else f"The class changes for the first time at {TITLES[ENDS[place]]} = {end}."
    )


def _chart(titles: Sequence[str], trace: Result, epsilon: int) -> go.Figure:
    figure = go.Figure()
    first = titles[int(trace.arrays["classes"][0, 0])]
    for place, title in enumerate(WAYS):
        own = trace.arrays["own"][place]
        names = [titles[int(index)] for index in trace.arrays["classes"][place]]
        figure.add_scatter(
            x=list(range(len(own))),
            y=own.tolist(),
            customdata=names,
            name=title,
            mode="lines",
            line={"color": COLOURS[place], "dash": ("solid", "dash")[place], "width": 2},
            hovertemplate="ε = %{x}: %{y:.1%}, class %{customdata}<extra>%{fullData.name}</extra>",
        )
        end = trace.facts[ENDS[place]]
        if end is not None:
            figure.add_scatter(
                x=[end],
                y=[float(own[end])],
                mode="markers+text",
                text=[f"{TITLES[ENDS[place]]} = {end}"],
                textposition="top right",
                marker={"size": 10, "color": COLOURS[place], "symbol": "x"},
                showlegend=False,
                hoverinfo="skip",
            )
    mark(figure, epsilon)
    share = {"title": f"probability of {first}"[:60], "range": [0, 1.05], "tickformat": ".0%"}
    return laid_out(figure, 260, -0.25, xaxis={"title": "steps ε"}, yaxis=share)
