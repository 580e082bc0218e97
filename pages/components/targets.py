"""Which class is explained: each picture's predicted one, or one that is chosen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

PREDICTED = "predicted"
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
    rest = sorted(set(range(len(class_names))) - set(likely), key=lambda k: class_names[k].lower())
    options = [PREDICTED, *map(str, [*likely, *rest])]

    def title(option: str) -> str:
        if option == PREDICTED:
            return "Each picture's predicted class"
        name = class_names[int(option)]
        return f"{name} · {best[int(option)]:.1%}" if int(option) in likely else name

    wanted = st.query_params.get("class", PREDICTED)
    if "class" not in st.session_state or st.session_state["class"] not in options:
        st.session_state["class"] = wanted if wanted in options else PREDICTED
    chosen = st.selectbox(
        "Class",
        options,
        format_func=title,
        key="class",
        label_visibility="collapsed",
        help="The five most probable classes come first; type to search all of them.",
    )
    if chosen == PREDICTED:
        st.query_params.pop("class", None)
        return [int(index) for index in probabilities.argmax(1)]
    st.query_params["class"] = chosen
    return [int(chosen)] * len(probabilities)


def top_classes(class_names: Sequence[str], row: NDArray[np.float32]) -> str:
    """The five most probable classes of one picture, in words."""
    return ", ".join(f"{class_names[k]} {row[k]:.1%}" for k in np.argsort(-row)[:TOP])
