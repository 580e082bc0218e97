"""Which model the page is about: an embedded one, a torchvision one, or a checkpoint."""

from __future__ import annotations

from typing import Any

import streamlit as st

from pages.components import model_search
from pages.components.address_bar import warn_of_unknown
from pages.components.checkpoint_form import own_checkpoint
from pages.components.text import plain
from xai_core.errors import ModelError
from xai_core.first_model import first_model
from xai_core.models import ModelInfo, brought_models
from xai_core.models.registry import model_info, models_here

OWN = "your checkpoint"


def choose_model() -> dict[str, Any] | None:
    """The sidebar's model part.

    Returns:
        Keywords of ``load_classifier``, or None while a checkpoint is incomplete.
    """
    infos = _offered()
    names = [*infos, OWN]
    st.subheader("Model")
    warn_of_unknown("model", names, "model")
    chosen = st.selectbox(
        "Model",
        names,
        key="model",
        bind="query-params",
        label_visibility="collapsed",
    )
    for problem in brought_models.problems():
        st.warning(plain(problem))
    model_search.offer("model")
    if chosen == OWN:
        return own_checkpoint()
    st.caption(_facts(infos[chosen]))
    return {"source": chosen}


def _offered() -> dict[str, ModelInfo]:
    """The model to begin with, those whose weights are here, and what was found or asked for."""
    infos = {info.id: info for info in model_infos()}
    for name in (first_model(), st.session_state.get("model", st.query_params.get("model"))):
        found = None if not name or name in infos else model_info(str(name))
        if found is not None:
            infos[found.id] = found
    if first_model() not in infos:
        raise ModelError(f"XAI_MODEL names '{first_model()}', and there is no such model.")
    return {first_model(): infos.pop(first_model()), **infos}


def model_infos() -> list[ModelInfo]:
    """Models whose weights are on this machine."""
    return _infos(brought_models.stamp())


@st.cache_resource(show_spinner=False, max_entries=2, ttl=60)  # what is here changes
def _infos(stamp: str) -> list[ModelInfo]:
    return models_here()


def _facts(info: ModelInfo) -> str:
    facts = [] if info.classes is None else [f"{info.classes} classes"]
    if info.input_size is not None:
        facts.append("{}×{} pixels".format(*info.input_size))
    if info.accuracy is not None:
        facts.append(f"{info.accuracy:.1f} % right on its validation pictures")
    title = f"{info.title}: " if info.title != info.id else ""
    return f"{title}{', '.join(facts)}{'. ' if facts else ''}{info.note}".strip()
