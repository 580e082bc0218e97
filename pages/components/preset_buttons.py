"""Buttons that choose a whole set of methods with their settings."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.components import selection
from pages.components.text import plain
from xai_core.explainers.choices import column_title
from xai_core.explainers.presets import EVERYTHING, PRESETS


def offer(refusals: Mapping[str, str]) -> None:
    """One button a preset; ``refusals`` as in ``methods.choose_methods``."""
    row = st.container(horizontal=True, gap="small")
    for preset in PRESETS.values():
        titles = ", ".join(column_title(choice.id) for choice in preset.choices)
        row.button(
            preset.title,
            key=f"preset {preset.id}",
            help=f"{plain(titles)}.  \n{plain(preset.source)}.",
            on_click=selection.choose,
            args=(preset.choices,),
        )
    row.button(
        "Everything that works on this model",
        key=f"preset {EVERYTHING}",
        on_click=selection.choose_working,
        args=(refusals,),
    )
