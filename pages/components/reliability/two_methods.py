"""Two methods, picture by picture: where the weaker one wins, and what its opposite adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.classified import Classified
from pages.components.cohort import Cohort
from pages.components.live import finished
from pages.components.reliability import charts, map_images
from pages.components.reliability.metric_controls import choose_stage
from pages.components.select_controls import select_box
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.apem.comparisons import COUNTS, face_to_face, irrelevance, unexpected
from xai_core.apem.scores import TITLES
from xai_core.explainers.choices import Choice

PURPOSE = "apem-example"
FEW, HEIGHT = 7, 300  # rows that need no scrolling; pixels where there are more


def show(
    classified: Classified,
    cohort: Cohort,
    choices: Sequence[Choice],
    part: pd.DataFrame,
    titles: Mapping[str, str],
) -> bool:
    """Two of the methods on the pictures of ``part``; whether nothing is being computed."""
    st.markdown("**Two methods, picture by picture**")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    one = select_box(row, "One method", titles, "versus_one", width=220)
    rest = {name: title for name, title in titles.items() if name != one}
    other = select_box(row, "Another", rest, "versus_other", width=220)
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
    return _maps(classified, cohort, choices, chosen, stage, titles)


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
        sign = TITLES[name]
        shown[f"{sign} {weaker}"] = found[f"{name}_other"]
        shown[f"{sign} {stronger}"] = found[name]
    event = alt_text.table(
        shown,
        f"Pictures on which {weaker} is better than {stronger}",
        key="apem-unexpected",
        on_select="rerun",
        selection_mode="single-row",
        height="content" if len(found) <= FEW else HEIGHT,
    )
    rows = event["selection"]["rows"]
    return found.iloc[rows[0] if rows and rows[0] < len(found) else 0]


def _maps(
    classified: Classified,
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
    asked = tasks.explain_all(*classified.loaded, [subject], wanted, classified.by_source)
    work = gather(PURPOSE, list(asked.values()), patience=1.0)
    if not finished(work, list(asked.values()), "Explaining"):
        return not work.running
    row = st.container(horizontal=True, gap="small")
    pixels = map_images.picture(subject.pixels)
    alt_text.image(pixels, str(chosen.image), row, map_images.SHOWN, caption=True)
    for name in both:
        relevance = work.results[asked[subject.hash, name].key].arrays["relevance"]
        map_ = map_images.staged(relevance, subject.pixels, stage)
        number = chosen.apem if name == chosen.method else chosen.apem_other
        words = f"{titles[name]}, APEM {number}"
        alt_text.image(map_images.map_picture(map_), words, row, map_images.SHOWN, caption=True)
    return True
