"""True classes that no model has: which ones, and whether a class of a model is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.study.design import model_facts
from pages.components.study.design.drafts import Draft, begin_anew
from pages.components.text import plain
from xai_core import tasks
from xai_core.study.design import Design

COUNTS_AS_WRONG = "Its prediction counts as wrong there."
MOST_ASKED = 4  # questions at a time
KEPT = "_study_kept_classes"  # in the session: studies with words that are to stay as they are


def unanswered(draft: Draft, about: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """True classes that may mean a class of a model, with those; nobody has said so yet."""
    kept = st.session_state.get(KEPT, set())
    found = tasks.near_misses(draft.design, about)
    return {name: near for name, near in found.items() if (draft.slug, name) not in kept}


def ask(draft: Draft, about: Sequence[Mapping[str, Any]]) -> None:
    """Ask about true classes that are almost a class of a model."""
    found = unanswered(draft, about)
    for name, near in list(found.items())[:MOST_ASKED]:
        _ask(draft, name, near)
    if len(found) > MOST_ASKED:
        st.caption(f"{len(found) - MOST_ASKED} more questions of this kind come after these.")


def _ask(draft: Draft, name: str, near: Sequence[str]) -> None:
    number = sum(each.true_class == name for each in draft.design.pictures)
    pictures = "1 picture" if number == 1 else f"{number} pictures"
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"No model has the class **{plain(name)}** ({pictures}). Do you mean:")
        for other in near:
            if st.button(plain(other), key=f"mean {name} {other}"):
                begin_anew(draft, _with(draft.design, name, other))
        if st.button("None of these, keep my words", key=f"keep {name}", type="tertiary"):
            st.session_state.setdefault(KEPT, set()).add((draft.slug, name))
            st.rerun()


def _with(design: Design, name: str, other: str) -> Design:
    """The design with another class for all pictures of one."""
    pictures = (
        replace(each, true_class=other) if each.true_class == name else each
        for each in design.pictures
    )
    return replace(design, pictures=tuple(pictures))


def show_list(design: Design, about: Mapping[str, Mapping[str, Any]]) -> None:
    """All classes of the models, to be searched.

    Args:
        design: the study.
        about: facts of its models by condition.
    """
    classes = model_facts.class_names(list(about.values()))
    with st.popover("The models' classes", icon=":material/list:", width="content"):
        words = st.text_input("Words of a class", key="words of a class").casefold().split()
        names = [name for name in classes if all(w in classes[name].casefold() for w in words)]
        some = f"{len(names):,} of " if words else ""
        st.caption(f"{some}{len(classes):,} classes")
        if not names:
            st.write("No class has these words. You may write it as a true class all the same.")
            return
        table = pd.DataFrame({"Class": [classes[name] for name in names]})
        models = {each.id: each.model for each in design.with_models}
        several = model_facts.distinct(design)
        for one in several if len(several) > 1 else ():
            title = model_facts.model_title(models[one])
            table[title] = [tasks.true_index(about[one], name) is not None for name in names]
        alt_text.table(table, "The models' classes")
