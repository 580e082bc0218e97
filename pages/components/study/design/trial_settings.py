"""How many trials, in which order, and which of them are checks."""

from __future__ import annotations

import streamlit as st

from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft
from xai_core.study.design import Design

MOST_INSTRUCTED = 10


def show(draft: Draft) -> None:
    """The step "Trials"."""
    design = draft.design
    pictures, catches = len(design.of_kind("trial")), len(design.of_kind("catch"))
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("**Trials**")
        if pictures:
            fields.number(
                f"Pictures that each participant judges, of {pictures}",
                (1, pictures),
                fields.part(draft, "trials"),
                help="Fewer than there are pictures: each participant gets others, so that all "
                "pictures are judged about equally often.",
            )
        else:
            st.info("Add pictures first.")
        st.toggle("Another order for each participant", **fields.part(draft, "random_order"))
        st.toggle(
            "Heatmaps change places",
            help="Balanced: whatever is compared is shown at every place about equally often.",
            **fields.part(draft, "random_positions"),
        )
    with right:
        _checks(draft, design, catches)
    st.markdown(_summary(design))


def _checks(draft: Draft, design: Design, catches: int) -> None:
    st.markdown("**Checks of attention**")
    if catches:
        fields.number(
            "Trials with identical heatmaps",
            (0, catches),
            fields.part(draft, "catch_trials"),
            help="The right answers are “They look the same” and “Can't distinguish”. They use "
            "the pictures that are marked for it.",
        )
    else:
        st.caption(
            "Trials with identical heatmaps need pictures of their own: mark some as “Check” "
            "in the step Pictures."
        )
    fields.number(
        "Trials that say which answer to choose",
        (0, MOST_INSTRUCTED),
        fields.part(draft, "instructed_trials"),
    )
    checks = design.catch_trials + design.instructed_trials
    if checks:
        fields.number(
            "Wrong answers to checks that are allowed",
            (0, checks),
            fields.part(draft, "most_failed"),
            help="Who has more than that has failed, and gets the code for it.",
        )


def _summary(design: Design) -> str:
    """What one participant does, in a sentence."""
    practice = len(design.of_kind("practice"))
    checks = design.catch_trials + design.instructed_trials
    parts = [f"**{design.trials}** pictures"]
    parts += [f"**{checks}** checks among them"] if checks else []
    parts += [f"**{practice}** to practise before"] if practice else []
    maps = len(design.conditions)
    return f"Each participant sees {', '.join(parts)}, each picture with **{maps}** heatmaps."
