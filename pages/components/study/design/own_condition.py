"""A condition of maps computed elsewhere, which needs no model."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.components.own_maps import HELP
from pages.components.select_controls import segments
from pages.components.study.design.drafts import Draft, begin_anew
from pages.components.study.design.items import fresh_id
from pages.components.text import errors_shown, plain
from xai_core.errors import XaiError
from xai_core.map_files import ENDINGS, MOST_BYTES
from xai_core.own_maps import BY_SIZE, COVERS, PICTURE, SEEN, check_name, read_maps, title_of
from xai_core.study import shared_store
from xai_core.study.design import Condition
from xai_core.study.own_conditions import condition_of, files_of
from xai_core.study.problems import MOST_CONDITIONS

SHOWN = {**{key: COVERS[key] for key in (BY_SIZE, PICTURE)}, SEEN: "The square that is shown"}
LEFT_OUT = "_study_maps_left_out"  # in the session: a study, and sentences about its latest maps
MOST_SAID = 8


def described(condition: Condition) -> list[str]:
    """What is said of such a condition."""
    sign = "signed" if condition.settings.get("signed") else "unsigned"
    number = len(files_of(condition))
    return ["maps of yours, without a model", f"{number} map{'s' if number != 1 else ''}", sign]


def add(draft: Draft) -> None:
    """Upload maps under a name, and add them."""
    st.caption(
        "One map for each picture, called as the picture. What their model predicts is not known "
        "here, so that the results have no cases of right and wrong predictions."
    )
    name = st.text_input("Name of the maps", key=draft.key("maps name"), max_chars=40)
    uploads = st.file_uploader(
        "Maps",
        list(ENDINGS),
        accept_multiple_files=True,
        key=draft.key("maps"),
        help=HELP,
        max_upload_size=MOST_BYTES // 2**20,
    )
    covers = segments(st, "They cover", SHOWN, draft.key("maps cover"), bind=None)
    conditions = draft.design.conditions
    free = MOST_CONDITIONS - len(conditions)
    if st.button(
        "Add these maps",
        type="primary",
        icon=":material/add:",
        disabled=not (uploads and name.strip() and free > 0),
    ):
        with errors_shown(XaiError):
            check_name(name, [title_of(each.method) for each in conditions if not each.model])
            files = ((upload.name, upload.getvalue()) for upload in uploads or [])
            own = read_maps(name, files, covers)
            st.session_state[LEFT_OUT] = (draft.slug, own.refused)
            made = condition_of(own, fresh_id("c", conditions), shared_store().keep_asset)
            begin_anew(draft, replace(draft.design, conditions=(*conditions, made)))
    slug, refused = st.session_state.get(LEFT_OUT, ("", ()))
    for sentence in refused[:MOST_SAID] if slug == draft.slug else ():
        st.error(plain(sentence), icon=":material/broken_image:")
