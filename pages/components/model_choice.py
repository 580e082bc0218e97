"""Which model the page is about: an embedded one, one of a library, or a checkpoint."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from pages.components import model_search
from pages.components.address_bar import navigated, this_page, warn_of_unknown, write
from pages.components.checkpoint_form import own_checkpoint
from pages.components.model_facts import ABOUT, ORDER, group_of, methods_in_words
from pages.components.model_facts import OWN as OWN_GROUP
from pages.components.text import plain
from xai_core.errors import ModelError
from xai_core.first_model import first_model
from xai_core.models import ModelInfo, brought_models
from xai_core.models.registry import model_info, models_here

OWN = "your checkpoint"
KEY = "model"  # of the control, and its name in the address
_LATEST = "_model"  # in the session: what was chosen, while another page has no such control
_PAGE = "_model-page"  # in the session: the page on which it was


def choose_model() -> dict[str, Any] | None:
    """The sidebar's model part.

    Returns:
        Keywords of ``load_classifier``, or None while a checkpoint is incomplete.
    """
    infos = _offered()
    names = [*infos, OWN]
    st.subheader("Model")
    warn_of_unknown(KEY, names, "model")
    _select(names)
    chosen: str = st.selectbox(
        "Model",
        names,
        key=KEY,
        format_func=lambda name: _title(infos.get(name)),
        label_visibility="collapsed",
        help="Type to search the list. " + " ".join(f"{g}: {text}" for g, text in ABOUT.items()),
    )
    st.session_state[_LATEST] = chosen
    write(KEY, None if chosen == first_model() else chosen)
    for problem in brought_models.problems():
        st.warning(plain(problem))
    model_search.offer(KEY)
    if chosen == OWN:
        return own_checkpoint()
    st.caption(plain(_facts(infos[chosen])))
    return {"source": chosen}


def _select(names: Collection[str]) -> None:
    """Let the control say what the address asks for, or what another page chose.

    The address is looked at when the page is opened or left by the back button; at any other
    time it may lag behind the page.
    """
    asked, latest = st.query_params.get(KEY), st.session_state.get(_LATEST)
    # A control of another page is another one, and would begin with the first model.
    moved = st.session_state.get(_PAGE) != this_page()
    st.session_state[_PAGE] = this_page()
    if latest is None or navigated():
        wanted = asked or first_model()
    else:
        wanted = (not moved and st.session_state.get(KEY)) or asked or latest
    if wanted not in names:
        wanted = first_model()
    if moved or st.session_state.get(KEY) != wanted:
        st.session_state[KEY] = wanted


def _offered() -> dict[str, ModelInfo]:
    """The models whose weights are here, and what was found or asked for, group by group."""
    infos = {info.id: info for info in model_infos()}
    session = st.session_state
    asked = (session.get(KEY), session.get(_LATEST), st.query_params.get(KEY))
    for name in (first_model(), *asked):
        found = None if not name or name in infos else model_info(str(name))
        if found is not None:
            infos[found.id] = found
    if first_model() not in infos:
        raise ModelError(f"XAI_MODEL names '{first_model()}', and there is no such model.")
    first = infos.pop(first_model())
    grouped = sorted([first, *infos.values()], key=lambda info: ORDER.index(group_of(info)))
    return {info.id: info for info in grouped}


def model_infos() -> list[ModelInfo]:
    """Models whose weights are on this machine."""
    return _infos(brought_models.stamp())


@st.cache_resource(show_spinner=False, max_entries=2, ttl=60)  # what is here changes
def _infos(stamp: str) -> list[ModelInfo]:
    return models_here()


def _title(info: ModelInfo | None) -> str:
    """What people read in the list: the model's group and its name."""
    return f"{OWN_GROUP} · {OWN}" if info is None else f"{group_of(info)} · {info.id}"


def _facts(info: ModelInfo) -> str:
    facts = [] if info.classes is None else [f"{info.classes:,} classes"]
    if info.input_size is not None:
        facts.append("{}×{} pixels".format(*info.input_size))
    if info.parameters is not None:
        facts.append(f"{info.parameters / 1e6:.1f} million weights")
    if info.accuracy is not None:
        facts.append(f"{info.accuracy:.1f} % right on its validation pictures")
    title = f"{info.title}: " if info.title != info.id else ""
    told = f"{title}{', '.join(facts)}{'. ' if facts else ''}{info.note}".strip()
    return f"{told} {methods_in_words(info)}"
