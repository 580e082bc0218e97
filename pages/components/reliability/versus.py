"""Two methods, picture by picture: where the weaker one wins, and what its opposite adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.progress import problem, watch
from pages.components.reliability import charts, drawing
from pages.components.reliability.cohort import Cohort
from pages.components.reliability.controls import choose_stage
from pages.components.scene import Scene
from pages.components.spoken import spoken
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.apem.comparisons import COUNTS, face_to_face, irrelevance, unexpected
from xai_core.explainers.choices import Choice

PURPOSE = "apem-example"
FEW, HEIGHT = 7, 300  # rows that need no scrolling; pixels where there are more
SIGNS = dict(zip(COUNTS, ("ε−", "ε+", "APEM"), strict=True))


def show(
    scene: Scene,
    cohort: Cohort,
    choices: Sequence[Choice],
    part: pd.DataFrame,
    titles: Mapping[str, str],
) -> bool:
    """Everything about two methods.

    Args:
        scene: the model.
        cohort: the pictures.
        choices: the methods, at least two.
        part: the rows of the pictures that are looked at.
        titles: what people read of each method.

    Returns:
        Whether nothing is being computed.
    """
    st.markdown("**Two methods, picture by picture**")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    one = _method(row, "One method", list(titles), titles, "versus_one")
    rest = [name for name in titles if name != one]
    other = _method(row, "Another", rest, titles, "versus_other")
    stage = choose_stage(row)
    faces = face_to_face(part[part.stage == stage], one, other)
    if faces.empty:
        gather(PURPOSE, [])
        st.caption("No picture has a number for both of them.")
        return True
    left, right = st.columns(2, gap="medium")
    with left:
        _irrelevance(faces, titles)
    with right:
        chosen = _unexpected(faces, titles)
    if chosen is None:
        gather(PURPOSE, [])
        return True
    return _maps(scene, cohort, choices, chosen, stage, titles)


def _method(row: Any, label: str, names: Sequence[str], titles: Mapping[str, str], key: str) -> str:
    chosen: str = row.selectbox(
        label, names, format_func=titles.__getitem__, key=key, bind="query-params", width=220
    )
    return chosen


def _irrelevance(faces: pd.DataFrame, titles: Mapping[str, str]) -> None:
    stronger, weaker = (titles[faces[name].iloc[0]] for name in ("method", "other"))
    found = irrelevance(faces)
    sentence = (
        f"{plain(stronger)} has the smaller ε− on {len(found)} of {len(faces)} pictures: there "
        "its map holds more of what changes the class."
    )
    if len(found):
        signs = [int((found.difference > 0).sum()), int((found.difference < 0).sum())]
        sentence += (
            f" Its opposite is better too, with the larger ε+, on {signs[0]} of them, and worse "
            f"on {signs[1]}."
        )
    st.caption(sentence)
    if len(found):
        title = f"ε+ of {stronger} − ε+ of {weaker}"
        st.plotly_chart(
            charts.differences(found.difference.tolist(), title), key="apem-irrelevance"
        )


def _unexpected(faces: pd.DataFrame, titles: Mapping[str, str]) -> pd.Series | None:
    """The table of pictures on which the weaker method is better; the row that is looked at."""
    stronger, weaker = (titles[faces[name].iloc[0]] for name in ("method", "other"))
    found = unexpected(faces)
    means = faces.apem.mean(), faces.apem_other.mean()
    st.caption(
        f"{plain(stronger)} has the larger mean APEM, {means[0]:.1f} to {means[1]:.1f}. "
        f"{plain(weaker)} is better all the same on {len(found)} of {len(faces)} pictures"
        + (", the largest gap first; choose one to see both maps." if len(found) else ".")
    )
    if found.empty:
        return None
    shown = found[["image"]].rename(columns={"image": "Picture"})
    for name in reversed(COUNTS):
        sign = SIGNS[name]
        shown[f"{sign} {weaker}"] = found[f"{name}_other"]
        shown[f"{sign} {stronger}"] = found[name]
    event = st.dataframe(
        shown,
        hide_index=True,
        key="apem-unexpected",
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(found) <= FEW else HEIGHT,
        **spoken(st.dataframe, f"Pictures on which {weaker} is better than {stronger}"),
    )
    rows = event["selection"]["rows"]
    return found.iloc[rows[0] if rows and rows[0] < len(found) else 0]


def _maps(
    scene: Scene,
    cohort: Cohort,
    choices: Sequence[Choice],
    chosen: pd.Series,
    stage: str,
    titles: Mapping[str, str],
) -> bool:
    """The picture and both maps; whether nothing is being computed."""
    subject = next(one for one in cohort.subjects if one.hash == chosen.image_hash)
    both = [chosen.other, chosen.method]
    wanted = [choice for choice in choices if choice.id in both]
    asked = tasks.explain_all(scene.model, scene.fingerprint, [subject], wanted, scene.pictures)
    work = gather(PURPOSE, list(asked.values()), patience=1.0)
    if work.running:
        watch(work, "Explaining")
        return False
    if work.problems:
        problem(next(iter(work.problems.values())), work)
        return True
    row = st.container(horizontal=True, gap="small")
    row.image(
        drawing.picture(subject.pixels), caption=plain(str(chosen.image)), width=drawing.SHOWN
    )
    for name in both:
        relevance = work.results[asked[subject.hash, name].key].arrays["relevance"]
        map_ = drawing.staged(relevance, subject.pixels, stage)
        number = chosen.apem if name == chosen.method else chosen.apem_other
        row.image(
            drawing.map_picture(map_),
            caption=f"{plain(titles[name])}, APEM {number}",
            width=drawing.SHOWN,
        )
    return True
