"""The verdict on every method, and what others found."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.method_notes import linked
from pages.components.sanity.sweep_results import SweepResults
from pages.components.text import plain
from xai_core.explainers.choices import column_title
from xai_core.randomization.collapse import MEANING, remark
from xai_core.randomization.published import ADEBAYO, NUZZO, SIXT, verdicts_of
from xai_core.randomization.steps import LABELS
from xai_core.randomization.targets import own_class
from xai_core.randomization.verdicts import CONTESTED, SIGN, Thresholds, marked, mean_and_spread

SIGNS = {"fails": "✗ fails", "weak": "≈ weak", "passes": "✓ passes", "undefined": "– undefined"}
WAITING = "…"
# With the spread the numbers are wider than their heads; the names stay beside what is scrolled.
COLUMNS = {
    "Method": st.column_config.TextColumn(pinned=True),
    "SSIM": st.column_config.TextColumn(width=110),
    "Verdict": st.column_config.TextColumn(width=105),
    "Shuffled": st.column_config.TextColumn(width=110),
}
PRINTED = {ADEBAYO: "Adebayo 2018", SIXT: "Sixt 2020", NUZZO: "Nuzzo 2020"}


def show(sweep: SweepResults, thresholds: Thresholds) -> None:
    """The table, and the words that belong beside it."""
    table = _rows(sweep, thresholds)
    labels = sweep.inquiry.test.mode == LABELS
    title = "Maps by the network with permuted labels" if labels else "Verdicts"
    st.markdown(f"**{title}**")
    st.caption(
        "Mean SSIM to the trained network's maps, over pictures and seeds. A map that stays the "
        "same does not show what was learnt from the labels."
        if labels
        else f"Mean SSIM to the trained network's maps when "
        f"{plain(sweep.inquiry.layers[0].name)} alone is randomised, over pictures and seeds: "
        f"a method fails from {thresholds.fails:g}, is weak from {thresholds.weak:g}, else "
        "passes. Shuffled: what the map reaches with its own values in random places."
    )
    alt_text.table(table, title, height="content", column_config=COLUMNS)
    st.caption(MEANING)
    own = own_class(sweep.inquiry.choices, sweep.inquiry.target)
    if own:
        st.caption(plain(own))
    st.caption(SIGN)
    if not labels:
        st.caption(linked(CONTESTED))


def _rows(sweep: SweepResults, thresholds: Thresholds) -> pd.DataFrame:
    labels = sweep.inquiry.test.mode == LABELS
    rows = []
    for found in sweep.verdicts(thresholds).to_dict("records"):
        column = found["method"]
        waits = np.isnan(found["similarity"]) and not _computed(sweep, column)
        said = remark(found)
        row = {
            "Method": column_title(column),
            "SSIM": WAITING if waits else _number(found["similarity"], found["spread"]),
            "Verdict": WAITING if waits else _sign(found["verdict"], said),
            "Empty or at the border": said or "–",
            "Absolute maps": _number(found["absolute"], found["absolute spread"]),
            "Their verdict": WAITING if waits else _sign(found["absolute verdict"], said),
            "Shuffled": _number(found["shuffled"], found["shuffled spread"]),
        }
        if labels:
            del row["Verdict"], row["Their verdict"]
        else:
            row["Rise of complexity"] = _rise(sweep, column)
            printed = verdicts_of(column)
            row |= {title: printed.get(source, "–") for source, title in PRINTED.items()}
        rows.append(row)
    return pd.DataFrame(rows)


def _sign(verdict: str, said: str) -> str:
    shown = marked(verdict, said)
    return SIGNS.get(shown, shown)


def _computed(sweep: SweepResults, column: str) -> bool:
    keys, pictures = sweep.inquiry.keys, range(len(sweep.inquiry.subjects))
    steps = sweep.inquiry.alone
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
