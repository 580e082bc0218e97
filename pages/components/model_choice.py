"""Which model the page is about: an embedded one, a torchvision one, or a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from pages.components import model_search
from pages.components.address_bar import warn_of_unknown
from pages.components.checkpoint_form import own_checkpoint
from pages.components.text import plain
from xai_core.errors import ModelError
from xai_core.first_model import first_model
from xai_core.models import ModelInfo, available_models, python_models

OWN = "your checkpoint"


def choose_model() -> dict[str, Any] | None:
    """The sidebar's model part.

    Returns:
        Keywords of ``load_classifier``, or None while a checkpoint is incomplete.
    """
    infos = {info.id: info for info in model_infos()}
    st.subheader("Model")
    warn_of_unknown("model", [*infos, OWN], "model")
    names = _offered(infos)
    chosen = st.selectbox(
        "Model",
        names,
        key="model",
        bind="query-params",
        label_visibility="collapsed",
    )
    for problem in python_models.problems():
        st.warning(plain(problem))
    model_search.offer(list(infos.values()), "model")
    if chosen == OWN:
        return own_checkpoint()
    st.caption(_facts(infos[chosen]))
    return {"source": chosen}


def _offered(infos: Mapping[str, ModelInfo]) -> list[str]:
    """The model to begin with, those whose weights are here, and what was found or asked for."""
    first = first_model()
    if first not in infos:
        raise ModelError(f"XAI_MODEL names '{first}', and there is no such model.")
    here = [name for name, info in infos.items() if info.local]
    asked = st.session_state.get("model", st.query_params.get("model"))
    found = [asked] if asked in infos else []
    return [*dict.fromkeys([first, *here, *found]), OWN]


def model_infos() -> list[ModelInfo]:
    """What can be chosen, besides own checkpoints."""
    return _infos(python_models.stamp())


@st.cache_resource(show_spinner=False, max_entries=2, ttl=60)  # what is here changes
def _infos(stamp: str) -> list[ModelInfo]:
    return available_models()


def _facts(info: ModelInfo) -> str:
    facts = [] if info.classes is None else [f"{info.classes} classes"]
    if info.input_size is not None:
        facts.append("{}×{} pixels".format(*info.input_size))
    if info.accuracy is not None:
        facts.append(f"{info.accuracy:.1f} % right on its validation pictures")
    title = f"{info.title}: " if info.title != info.id else ""
    return f"{title}{', '.join(facts)}{'. ' if facts else ''}{info.note}".strip()
