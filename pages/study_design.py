"""Study design: what participants will see, saved while it is written, frozen when published."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.components import shell
from pages.components.access import require_researcher
from pages.components.select_controls import segments
from pages.components.study.design import (
    conditions,
    consent,
    drafts,
    ending,
    look,
    overview,
    picture_cards,
    publish,
    question,
    study_urls,
    trial_settings,
)
from pages.components.text import errors_shown, plain
from xai_core.errors import StudyError
from xai_core.study import shared_store
from xai_core.study.storage.summaries import Study

# The title of each step, and what draws it.
STEPS: dict[str, tuple[str, Callable[[drafts.Draft], None]]] = {
    "question": ("Question", question.show),
    "compared": ("Compared", conditions.show),
    "pictures": ("Pictures", picture_cards.show),
    "look": ("Look", look.show),
    "trials": ("Trials", trial_settings.show),
    "participants": ("Participants", consent.show),
    "ending": ("Ending", ending.show),
    "publish": ("Publish", publish.show),
}


def page() -> None:
    require_researcher("study_design")
    shell.set_margins("3.6rem")
    slug = st.query_params.get(study_urls.DESIGN)
    study = next((one for one in shared_store().studies() if one.slug == slug), None)
    if study is None:
        st.subheader("Studies", anchor=False)
        if slug:
            st.warning("There is no study at this address; these are all there are.")
        overview.show()
        return
    with errors_shown(StudyError):
        _edit(study, drafts.opened(study))


def _edit(study: Study, draft: drafts.Draft) -> None:
    head(study, draft)
    titles = {name: title for name, (title, _) in STEPS.items()}
    step = segments(st, "Step", titles, "step", label_visibility="collapsed")
    if step != "compared":
        conditions.leave()
    _, show = STEPS[step]
    show(draft)


def head(study: Study, draft: drafts.Draft) -> None:
    """Name and state of the study, whether it is saved, and the way back."""
    row = st.container(horizontal=True, vertical_alignment="center")
    if row.button("All studies", icon=":material/arrow_back:", type="tertiary", key="all studies"):
        study_urls.close_design()
    row.markdown(f"#### {plain(draft.name)}", width="content")
    word, colour = overview.state(study)
    row.badge(word, color=colour)
    drafts.status(draft, row)


page()
