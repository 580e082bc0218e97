"""Which classes are compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.address_bar import notice, write
from pages.components.text import plain
from xai_core.classes import class_index, class_titles, class_word
from xai_core.errors import ModelError

MOST = 8
PARAMETER = "classes"  # of the address
_ASKED = "_compared-classes"  # in the session: what was last chosen, as words of the address
_BEGUN = "_usual-classes"  # in the session: the usual classes with which the control has begun


def choose(
    row: Any,
    class_names: Sequence[str],
    scores: NDArray[np.float32],
    usual: Sequence[int],
    most: int = MOST,
    probable: bool = True,
) -> list[int]:
    """Two classes or more.

    Args:
        row: where the control goes.
        class_names: the model's K.
        scores: [K], the higher, the earlier a class is listed.
        usual: the classes that are compared unless others are chosen, at least two.
        most: of the classes.
        probable: whether the scores are probabilities, which then stand beside the classes.

    Returns:
        Indices of the classes, at least two; with fewer the run ends here, with a word.
    """
    titles = class_titles(class_names)
    order = np.argsort(-scores, kind="stable").tolist()
    asked = _asked_for(class_names, usual)
    # Other usual classes begin the control anew, unless others than those are chosen: one that
    # began anew at a visitor's first change would lose the focus.
    if not asked:
        st.session_state[_BEGUN] = list(usual)
    begun = st.session_state.setdefault(_BEGUN, [])
    key = f"compared {most} {hash(tuple(class_names))} {begun}"

    def change() -> None:
        chosen = st.session_state[key]
        own = [] if chosen == list(usual) else [class_word(k, class_names) for k in chosen]
        st.session_state[_ASKED] = own

    chosen: list[int] = row.multiselect(
        "Classes to compare",
        order,
        default=(asked or list(usual))[:most],
        format_func=lambda k: f"{titles[k]} · {scores[k]:.1%}" if probable else titles[k],
        max_selections=most,
        key=key,
        on_change=change,
        help="At first the two most probable ones; of pictures put together, what the model sees "
        "in each of them alone; of many pictures, those of the first one. Type to search.",
    )
    write(PARAMETER, st.session_state[_ASKED] or None)
    if len(chosen) < 2:
        st.info("Choose two classes at least.")
        st.stop()
    return chosen


def _asked_for(class_names: Sequence[str], usual: Sequence[int]) -> list[int]:
    """The classes that the address, or the visitor, asks for; none for the usual ones.

    Those that the model lacks are named, and usual ones take their place.
    """
    words = st.session_state.setdefault(_ASKED, st.query_params.get_all(PARAMETER))
    known: list[int] = []
    for word in words:
        try:
            known.append(class_index(word, class_names))
        except ModelError:
            notice(f"The model has no class “{plain(word[:80])}” to compare.")
    found = list(dict.fromkeys(known))
    if len(known) < len(words):
        filled = list(dict.fromkeys([*found, *usual]))[: max(len(found), 2)]
        found = filled if found else []
        st.session_state[_ASKED] = [class_word(index, class_names) for index in found]
    return found
