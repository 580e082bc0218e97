"""Ways to add pictures: uploads, folders with classes, samples, data sets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.reliability.cohort import data_sets
from pages.components.study.design import drawing
from pages.components.study.design.drafts import Draft
from pages.components.study.design.originals import Found, add, stored
from xai_core.datasets import ENDINGS
from xai_core.images import sample_image, sample_images
from xai_core.study import shared_store
from xai_core.study.pictures import kept_original

SOURCES = {"files": "Files", "folder": "A folder with classes", "samples": "Samples"}
DATA_SET = {"data": "A data set"}


def show(draft: Draft, classes: Sequence[str]) -> None:
    """Ways to add pictures.

    Args:
        draft: the draft.
        classes: names of the classes that the models know.
    """
    source = st.segmented_control(
        "From",
        list(offered := SOURCES | (DATA_SET if data_sets() else {})),
        default="files",
        required=True,
        format_func=offered.__getitem__,
        key=draft.key("source"),
        label_visibility="collapsed",
    )
    if source == "samples":
        _samples(draft)
    elif source == "data":
        drawing.show(draft)
    else:
        _uploads(draft, classes, folder=source == "folder")


def _uploads(draft: Draft, classes: Sequence[str], folder: bool) -> None:
    uploads = st.file_uploader(
        "A folder with one sub-folder for each class" if folder else "Pictures",
        accept_multiple_files="directory" if folder else True,
        key=draft.key(f"uploads {folder}"),
        help="JPEG, PNG, WebP, BMP or TIFF, up to 20 MB and 25 megapixels each. "
        + ("Sub-folders have the names of the models' classes." if folder else ""),
    )
    if not uploads:
        return
    known = {name.strip().casefold(): name for name in classes}
    with st.spinner("Reading the pictures"):
        add(draft, stored(_read(uploads, known, folder)))


def _read(
    uploads: Iterable[UploadedFile], known: dict[str, str], folder: bool
) -> Iterable[tuple[str, bytes, str]]:
    for upload in uploads:
        path = Path(upload.name)
        if not folder or path.suffix.lower() in ENDINGS:
            true = known.get(path.parent.name.strip().casefold(), "") if folder else ""
            yield path.name, upload.getvalue(), true


def _samples(draft: Draft) -> None:
    titles = {sample.id: sample.title for sample in sample_images()}
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
            original = kept_original(sample_image(name))
            asset = shared_store().keep_asset(original, "image/png")
            found.pictures.append((titles[name], asset, ""))
        add(draft, found)
