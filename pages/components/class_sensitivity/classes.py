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


def choose(
    row: Any,
    class_names: Sequence[str],
    probabilities: NDArray[np.float32],
    usual: Sequence[int],
    most: int = MOST,
) -> list[int]:
    """Two classes or more.

    Args:
        row: where the control goes.
        class_names: the model's K.
        probabilities: [K], of the picture.
        usual: the classes that are compared unless others are chosen.
        most: of the classes.

    Returns:
        Indices of the classes, at least two; with fewer the run ends here, with a word.
    """
    titles = class_titles(class_names)
    order = np.argsort(-probabilities, kind="stable").tolist()
    words = st.session_state.setdefault(_ASKED, st.query_params.get_all(PARAMETER))
    first = (_known(words, class_names) or list(usual))[:most]
    # Other usual classes, or classes that a link names, begin the control anew.
    key = f"compared {most} {hash(tuple(class_names))} {[] if words else list(usual)}"

    def change() -> None:
        chosen = st.session_state[key]
        own = [] if chosen == list(usual) else [class_word(k, class_names) for k in chosen]
        st.session_state[_ASKED] = own

    chosen: list[int] = row.multiselect(
        "Classes to compare",
        order,
        default=first,
        format_func=lambda k: f"{titles[k]} · {probabilities[k]:.1%}",
        max_selections=most,
        key=key,
        on_change=change,
        help="At first the two most probable ones; of pictures put together, what the model sees "
        "in each of them alone. Type to search.",
    )
    write(PARAMETER, st.session_state[_ASKED] or None)
    if len(chosen) < 2:
        st.info("Choose two classes at least.")
        st.stop()
    return chosen


def _known(words: Sequence[str], class_names: Sequence[str]) -> list[int]:
    """The classes that the address names, as far as the model has them."""
    found: list[int] = []
    for word in words:
        try:
            found.append(class_index(word, class_names))
        except ModelError:
            notice(f"The model has no class “{plain(word[:80])}” to compare.")
    distinct = list(dict.fromkeys(found))[:MOST]
    return distinct if len(distinct) > 1 else []
