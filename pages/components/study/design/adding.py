"""Ways to add pictures: those of the session, uploads, folders with classes, samples, data sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

import streamlit as st

from pages.components import picture_store, working_session
from pages.components.cohort import folder_of, uploaded_pictures
from pages.components.data_sets import data_sets
from pages.components.select_controls import segments
from pages.components.session_store import OwnPicture
from pages.components.study.design import drawn_by_lot
from pages.components.study.design.drafts import Draft
from pages.components.study.design.originals import Found, add, stored, true_classes
from xai_core.images import sample_image, sample_images, shown_name
from xai_core.study import shared_store
from xai_core.study.field_of_view import original_png

SOURCES = {"files": "Files", "folder": "A folder with classes", "samples": "Samples"}


def show(draft: Draft, classes: Sequence[str] | None) -> None:
    """Ways to add pictures.

    Args:
        draft: the draft.
        classes: of the models, which names of folders may mean; None where there is no model.
    """
    own = working_session.pictures()
    offered = {"session": "This session's"} if own else {}
    offered |= SOURCES | ({"data": "A data set"} if data_sets() else {})
    source = segments(
        st, "From", offered, draft.key("source"), bind=None, label_visibility="collapsed"
    )
    if source == "session":
        _of_session(draft, own, classes)
    elif source == "samples":
        _samples(draft)
    elif source == "data":
        drawn_by_lot.show(draft, classes)
    else:
        _uploads(draft, classes, folder=source == "folder")


def _of_session(draft: Draft, own: Sequence[OwnPicture], classes: Sequence[str] | None) -> None:
    """The session's pictures, with the classes that their data set gave them."""
    titles = {one.digest: shown_name(one.name) for one in own}
    chosen = st.multiselect(
        "This session's pictures",
        list(titles),
        default=[one.digest for one in own if one.shown],
        format_func=titles.__getitem__,
        key=draft.key("of session"),
    )
    if st.button("Add", key="add of session", disabled=not chosen):
        wanted = [one for one in own if one.digest in chosen]
        true, problems = true_classes([one.true for one in wanted], classes)
        here = [one for one in wanted if picture_store.use(one.digest)]
        found = stored(
            (one.name, picture_store.path(one.digest).read_bytes(), true.get(one.true, ""))
            for one in here
        )
        found.refused += problems
        found.refused += [picture_store.lost(one.name) for one in wanted if one not in here]
        add(draft, found)


def _uploads(draft: Draft, classes: Sequence[str] | None, folder: bool) -> None:
    uploads = st.file_uploader(
        "A folder with one sub-folder for each class" if folder else "Pictures",
        accept_multiple_files="directory" if folder else True,
        key=draft.key(f"uploads {folder}"),
        help="JPEG, PNG, WebP, BMP or TIFF, up to 20 MB each. "
        + ("A sub-folder's name is the true class of its pictures." if folder else ""),
    )
    if not uploads:
        return
    pictures = uploaded_pictures(uploads) if folder else uploads
    if pictures is None:
        return
    names = [folder_of(picture.name) if folder else "" for picture in pictures]
    true, problems = true_classes(names, classes)
    with st.spinner("Reading the pictures"):
        found = stored(
            (PurePath(picture.name).name, picture.getvalue(), true.get(name, ""))
            for picture, name in zip(pictures, names, strict=True)
        )
        found.refused += problems
        add(draft, found)


def _samples(draft: Draft) -> None:
    titles = {sample.id: sample.title for sample in sample_images() if sample.known}
    chosen = st.pills(
        "Samples",
        list(titles),
        selection_mode="multi",
        format_func=titles.__getitem__,
        key=draft.key("samples"),
        label_visibility="collapsed",
    )
    if st.button("Add", key="add samples", disabled=not chosen):
        found = Found()
        for name in chosen or []:
            original = original_png(sample_image(name))
            asset = shared_store().keep_asset(original, "image/png")
            found.pictures.append((titles[name], asset, ""))
        add(draft, found)
