"""The verdict on every method, and what others found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from pages.components.method_notes import linked
from pages.components.sanity.sweep_results import SweepResults
from pages.components.text import plain
from xai_core.explainers.choices import column_title
from xai_core.randomization.published import ADEBAYO, NUZZO, SIXT, verdicts_of
from xai_core.randomization.steps import LABELS, Step
from xai_core.randomization.targets import own_class
from xai_core.randomization.verdicts import CONTESTED, SIGN, Thresholds, mean_and_spread

SIGNS = {"fails": "✗ fails", "weak": "≈ weak", "passes": "✓ passes", "undefined": "– undefined"}
PRINTED = {ADEBAYO: "Adebayo 2018", SIXT: "Sixt 2020", NUZZO: "Nuzzo 2020"}


def show(sweep: SweepResults, thresholds: Thresholds) -> None:
    """The table, and the words that belong beside it."""
    table = _rows(sweep, thresholds)
    if table.empty:
        return
    labels = sweep.inquiry.test.mode == LABELS
    st.markdown("**Maps by the network with permuted labels**" if labels else "**Verdicts**")
    st.caption(
        "Mean SSIM to the trained network's maps, over pictures and seeds. A map that stays the "
        "same does not show what was learnt from the labels."
        if labels
        else f"Mean SSIM to the trained network's maps when "
        f"{plain(sweep.inquiry.layers[0].name)} alone is randomised, over pictures and seeds: "
        f"a method fails from {thresholds.fails:g}, is weak from {thresholds.weak:g}, else "
        "passes. Shuffled: what the map reaches with its own values in random places."
    )
    st.dataframe(table, hide_index=True, width="stretch")
    own = own_class(sweep.inquiry.choices, sweep.inquiry.target)
    if own:
        st.caption(plain(own))
    st.caption(SIGN)
    if not labels:
        st.caption(linked(CONTESTED))


def _rows(sweep: SweepResults, thresholds: Thresholds) -> pd.DataFrame:
    inquiry = sweep.inquiry
    labels = inquiry.test.mode == LABELS
    # The output's layer alone: its own network, whichever test it belongs to.
    alone = [step for step in inquiry.steps if step.state.layers == (inquiry.layers[0].name,)]
    if labels:
        alone = [step for step in inquiry.steps if step.depth > 0]
    rows = []
    for choice in inquiry.choices:
        mean, spread = mean_and_spread(sweep.values(choice.id, "ssim", "all", alone))
        if np.isnan(mean) and not _computed(sweep, choice.id, alone):
            continue
        shuffled = sweep.floors(choice.id).get("shuffled", {}).get("all")
        row = {"Method": column_title(choice.id), "SSIM": _number(mean, spread)}
        if not labels:
            row["Verdict"] = SIGNS[thresholds.verdict(mean)]
        mean, spread = mean_and_spread(sweep.values(choice.id, "ssim", "absolute", alone))
        row["Absolute maps"] = _number(mean, spread)
        if not labels:
            row["Their verdict"] = SIGNS[thresholds.verdict(mean)]
        row["Shuffled"] = _number(*shuffled) if shuffled and shuffled[0] is not None else "–"
        if not labels:
            row["Rise of complexity"] = _rise(sweep, choice.id)
            printed = verdicts_of(choice.id)
            row |= {title: printed.get(source, "–") for source, title in PRINTED.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _computed(sweep: SweepResults, column: str, steps: Sequence[Step]) -> bool:
    keys = sweep.inquiry.keys
    pictures = [one.hash for one in sweep.inquiry.subjects]
    return any(keys[step][column, one] in sweep.facts for step in steps for one in pictures)


def _rise(sweep: SweepResults, column: str) -> str:
    """The efficient variant: how much complexity rises when all layers are new."""
    inquiry = sweep.inquiry
    deepest = [step for step in inquiry.steps if len(step.state.layers) == len(inquiry.layers)]
    mean, _ = mean_and_spread(sweep.values(column, "complexity", "all", deepest))
    return "–" if np.isnan(mean) else f"{mean:+.0%}"


def _number(mean: float, spread: float) -> str:
    if np.isnan(mean):
        return "–"
    return f"{mean:.2f}" if np.isnan(spread) else f"{mean:.2f} ± {spread:.2f}"
