"""Which study, which version, and how it is analysed."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.components.address_bar import notice
from pages.components.select_controls import select_box
from xai_core.study import Study, Version, shared_store
from xai_core.study.analysis.counted import WHO
from xai_core.study.analysis.intervals import INTERVALS
from xai_core.study.analysis.results import Settings
from xai_core.study.analysis.votes import RULES

RULE_TITLES = {
    "majority": "Majority",
    "models": "Majority among maps",
    "absolute": "More than half",
    "shared": "Ties count for all",
}
WHO_TITLES = {
    "everyone": "Everyone",
    "completed": "Completed",
    "passed": "Passed the checks",
    "unhurried": "Not hurried",
    "careful": "Passed and not hurried",
}
PREVIEW = 0
RESULTS = "results"  # in the address; "study" is the participants', "design" the design page's


def study(found: Sequence[Study]) -> Study:
    """The study that the address names, or else the newest published one."""
    slugs = [one.slug for one in found]
    asked = st.query_params.get(RESULTS, "")
    first = next((n for n, one in enumerate(found) if one.published), 0)
    if asked and asked not in slugs:
        notice("There is no study at this address; this is another one.")
    slug = select_box(
        st,
        "Study",
        {one.slug: one.name for one in found},
        "results_study",
        bind=None,
        index=slugs.index(asked) if asked in slugs else first,
        width=320,
    )
    if st.query_params.get(RESULTS) != slug:
        st.query_params[RESULTS] = slug
    return found[slugs.index(slug)]


def version(slug: str) -> Version | None:
    """The version that is chosen, the newest if none is; None if there is none."""
    known = {one.number: one for one in reversed(shared_store().versions(slug))}
    if not known:
        return None
    titles = {number: "Preview" if number == PREVIEW else str(number) for number in known}
    return known.get(select_box(st, "Version", titles, "version", width=140))


def settings() -> Settings:
    """How the answers are analysed."""
    rule = select_box(
        st,
        "A map is accurate by",
        RULE_TITLES,
        "rule",
        width=210,
        help="\n".join(f"- **{RULE_TITLES[name]}**: {text}" for name, text in RULES.items()),
    )
    interval = select_box(
        st,
        "Intervals of cases",
        {name: title.capitalize() for name, title in INTERVALS.items()},
        "interval",
        width=210,
        help="Wilson and the normal approximation take pictures as sampled and participants as "
        "given; the crossed bootstrap samples both.",
    )
    who = select_box(
        st,
        "Answers of",
        WHO_TITLES,
        "who",
        width=210,
        help="\n".join(f"- **{WHO_TITLES[name]}**: {text}." for name, text in WHO.items()),
    )
    return Settings(rule=rule, interval=interval, who=who)
