"""Study design: what participants will see, saved while it is written, frozen when published."""

from __future__ import annotations

import streamlit as st

from pages.components.access import require_researcher
from pages.components.study.design import (
    address,
    conditions,
    drafts,
    ending,
    look,
    overview,
    people,
    pictures,
    publish,
    question,
    trials,
)
from pages.components.text import plain
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.storage.summaries import Study

STEPS = {
    "question": "Question",
    "compared": "Compared",
    "pictures": "Pictures",
    "look": "Look",
    "trials": "Trials",
    "participants": "Participants",
    "ending": "Ending",
    "publish": "Publish",
}
SHOWN = {
    "compared": conditions.show,
    "pictures": pictures.show,
    "look": look.show,
    "trials": trials.show,
    "participants": people.show,
    "ending": ending.show,
    "publish": publish.show,
}


def page() -> None:
    require_researcher("study_design")
    st.html("<style>.stMainBlockContainer{padding:3.6rem clamp(1rem,3vw,3rem) 2rem}</style>")
    slug = st.query_params.get(address.DESIGN)
    study = next((one for one in shared_store().studies() if one.slug == slug), None)
    if study is None:
        st.subheader("Studies", anchor=False)
        if slug:
            st.warning("There is no study at this address; these are all there are.")
        overview.show()
        return
    try:
        draft = drafts.opened(study.slug)
    except StudyError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    head(study, draft)
    step = st.segmented_control(
        "Step",
        list(STEPS),
        default="question",
        required=True,
        format_func=STEPS.__getitem__,
        key="step",
        bind="query-params",
        label_visibility="collapsed",
    )
    if step != "compared":
        conditions.leave()
    if step == "question":
        question.show(draft, study.name)
    else:
        SHOWN[step](draft)


def head(study: Study, draft: drafts.Draft) -> None:
    """Name and state of the study, whether it is saved, and the way back."""
    row = st.container(horizontal=True, vertical_alignment="center")
    if row.button("All studies", icon=":material/arrow_back:", type="tertiary", key="all studies"):
        address.close_design()
    row.markdown(f"#### {plain(study.name)}", width="content")
    word, colour = overview.state(study)
    row.badge(word, color=colour)
    drafts.status(draft, row)


page()
