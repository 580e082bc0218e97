"""Which class is explained: each picture's predicted one, or one that is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.address_bar import notice, write
from pages.components.text import plain
from xai_core.classes import class_index, class_named, class_titles, class_word
from xai_core.errors import ModelError, UnknownClassError

PREDICTED = "predicted"
NAMES = "_class_names"  # in the session: of the model that the class was chosen for
TOP = 5


def choose_target(class_names: Sequence[str], probabilities: NDArray[np.float32]) -> list[int]:
    """The sidebar's class part.

    Args:
        class_names: K names.
        probabilities: [N, K], one row a picture.

    Returns:
        One class index per picture.
    """
    st.subheader("Class to explain")
    best = probabilities.max(0)
    likely = np.argsort(-best)[:TOP].tolist()
    titles = class_titles(class_names)
    rest = sorted(set(range(len(titles))) - set(likely), key=lambda k: titles[k].lower())
    options = [PREDICTED, *map(str, [*likely, *rest])]

    def title(option: str) -> str:
        if option == PREDICTED:
            return "Each picture's predicted class"
        name = titles[int(option)]
        return f"{name} · {best[int(option)]:.1%}" if int(option) in likely else name

    # Of another model the same number is another class.
    known = st.session_state.get(NAMES, class_names) == class_names
    if not known or st.session_state.get("class") not in options:
        st.session_state["class"] = _asked(class_names)
    st.session_state[NAMES] = class_names
    chosen = st.selectbox(
        "Class",
        options,
        format_func=title,
        key="class",
        label_visibility="collapsed",
        help="The five most probable classes come first; type to search all of them.",
    )
    if chosen == PREDICTED:
        write("class", None)
        return [int(index) for index in probabilities.argmax(1)]
    write("class", class_word(int(chosen), class_names))
    return [int(chosen)] * len(probabilities)


def _asked(class_names: Sequence[str]) -> str:
    """The option that the address asks for, by the class's number, its name, or both.

    In another model a class of the same name may have another number.
    """
    wanted = st.query_params.get("class", "").strip()
    if not wanted:
        return PREDICTED
    number, _, name = wanted.partition("-")
    try:
        try:
            return str(class_index(wanted, class_names))
        except UnknownClassError:
            if not (number.isdecimal() and name):
                raise
            return str(class_named(name, class_names))
    except UnknownClassError:
        notice(f"The model has no class “{plain(wanted[:80])}”; the predicted one is explained.")
    except ModelError as error:
        notice(f"{plain(str(error))} The predicted one is explained.")
    return PREDICTED


def top_classes(titles: Sequence[str], row: NDArray[np.float32]) -> list[tuple[str, float]]:
    """The five most probable classes of one picture, with their probabilities."""
    return [(titles[k], float(row[k])) for k in np.argsort(-row)[:TOP]]
