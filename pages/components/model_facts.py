"""What people choose a model by: its group, and which methods work on it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from xai_core import tasks
from xai_core.explainers import METHODS
from xai_core.explainers.known_support import ALL, GROUPS, NOT_TRIED, in_groups, known_support
from xai_core.jobs import shared_engine
from xai_core.models import ModelInfo

EMBEDDED, HERE, OWN, DOWNLOAD = "Embedded", "Here", "Own", "Download"
ABOUT = {
    EMBEDDED: "Part of the workbench.",
    HERE: "Its weights are on this machine.",
    OWN: "Brought by whoever runs this server, or your checkpoint.",
    DOWNLOAD: "Its weights are downloaded when it is first used.",
}
ORDER = tuple(ABOUT)
# The groups of methods, in the words of a narrow column.
SHORT = {
    "gradient": "Gradient",
    "backprop": "Guided",
    "cam": "CAM",
    "relevance": "Propagation",
    "path": "Baseline",
}


def group_of(info: ModelInfo) -> str:
    """One of ``ORDER``."""
    if info.source in ("embedded", "brought"):
        return EMBEDDED if info.source == "embedded" else OWN
    return HERE if info.local else DOWNLOAD


def methods_of(info: ModelInfo) -> dict[str, str]:
    """How many methods of each group work, as ``known_support.in_groups``."""
    works = (_tried(info.id) if info.local else {}) or known_support(info.id)
    return in_groups(works)


def methods_in_words(info: ModelInfo) -> str:
    """The same as a sentence."""
    found = methods_of(info)
    if set(found.values()) == {NOT_TRIED}:
        return "Which methods work is not tried yet."
    if set(found.values()) == {ALL}:
        return "All methods work."
    less = [f"{GROUPS[name].lower()} {said}" for name, said in found.items() if said != ALL]
    return f"Not all methods work: {', '.join(less)}."


@st.cache_data(show_spinner=False, max_entries=100, ttl=60)  # an idle page tries them
def _tried(model: str) -> Mapping[str, bool]:
    """What earlier trials on this machine found; empty until all methods were tried."""
    cache, keywords = shared_engine().cache, {"source": model}
    about = cache.facts(tasks.describe(keywords).key)
    if about is None:
        return {}
    found = {
        name: cache.facts(tasks.support(keywords, about["fingerprint"], name).key)
        for name in METHODS
    }
    if None in found.values():
        return {}
    return {name: not facts["refusal"] for name, facts in found.items() if facts is not None}
