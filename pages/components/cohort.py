"""Where many pictures come from: the page's own, an uploaded folder, or a data set."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.classified import Classified, seen
from pages.components.data_sets import data_sets
from pages.components.live import wait_for
from pages.components.select_controls import segments
from pages.components.text import errors_shown, plain
from xai_core import tasks
from xai_core.cache import Result
from xai_core.classes import class_named, class_word, folder_classes
from xai_core.datasets import check_splits, pictures_among
from xai_core.errors import DataError, ImageError, ModelError
from xai_core.images import image_hash, model_input, read_image
from xai_core.provenance import UNKNOWN, Option
from xai_core.tasks import Subject

SOURCES = {"here": "Pictures on the left", "folder": "A folder of mine", "data": "A data set"}
MOST = 300
FEW = 20  # up to here no button need be pressed


@dataclass(frozen=True)
class Cohort:
    """Pictures in front of the model, with their true classes as far as they are known.

    Attributes:
        subjects: the pictures, each with the class that is explained.
        names: by hash.
        true: index of the true class by hash; None where it is not known.
        data: of a data set, the command line's options for it.
        folder: of a data set's pictures that are named one by one, where they are.
        sizes: (width, height) by hash, where the pictures are known as they are.
        scores: what the model says of each class, [K] by hash: logits or probabilities.
    """

    subjects: Sequence[Subject]
    names: dict[str, str]
    true: dict[str, int | None]
    data: Sequence[Option] = ()
    folder: str = ""
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    scores: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def choose_cohort(classified: Classified) -> Cohort | None:
    """The pictures that are measured; None, with a word on the page, while there are none."""
    offered = {key: title for key, title in SOURCES.items() if key != "data" or data_sets()}
    row = st.container(horizontal=True, vertical_alignment="bottom")
    source = segments(
        row,
        "Which pictures",
        offered,
        "cohort",
        help="Data sets are offered if the server names their folders in XAI_DATA.",
    )
    if source == "folder":
        return _folder(classified)
    return _data(classified, row) if source == "data" else _here(classified)


def uploaded_pictures(uploads: Sequence[UploadedFile]) -> list[UploadedFile] | None:
    """The pictures of an uploaded folder; None, with a word on the page, if it holds splits."""
    by_path = {PurePath(upload.name): upload for upload in uploads}
    paths = pictures_among(by_path)
    with errors_shown(DataError):
        check_splits(paths, "uploaded")
        return [by_path[path] for path in paths]
    return None


def folder_of(upload: str) -> str:
    """Name of the folder that a file was uploaded in; "" if there was none."""
    return PurePath(upload).parent.name


def _here(classified: Classified) -> Cohort:
    """The sidebar's pictures; their true classes can be told in a table."""
    names = {image.picture.hash: image.picture.source for image in classified.images}
    titles = classified.class_titles
    offered = {
        title if title != UNKNOWN else class_word(index, classified.class_names): index
        for index, title in enumerate(titles)
    }
    with st.expander("True classes, if you know them"):
        st.caption("What depends on the true class needs them.")
        table = st.data_editor(
            pd.DataFrame(
                {
                    "Picture": [image.picture.name for image in classified.images],
                    "Predicted": [
                        titles[_best(image.probabilities)] for image in classified.images
                    ],
                    "True class": pd.Series(
                        [
                            _known_title(image.picture.true, classified.class_names, list(offered))
                            for image in classified.images
                        ],
                        dtype="str",
                    ),
                }
            ),
            column_config={
                "True class": st.column_config.SelectboxColumn(
                    options=[UNKNOWN, *offered], required=True
                )
            },
            disabled=["Picture", "Predicted"],
            hide_index=True,
            key=f"true classes {hash(tuple(names))}",
        )
    true = {
        digest: offered.get(str(word))
        for digest, word in zip(names, table["True class"], strict=True)
    }
    scores = {image.picture.hash: image.probabilities for image in classified.images}
    return Cohort(classified.subjects, names, true, scores=scores)


def _known_title(true: str, class_names: Sequence[str], titles: Sequence[str]) -> str:
    """How the table calls the true class that a picture's data set told."""
    if true:
        with suppress(ModelError):  # the model has no such class
            return titles[class_named(true, class_names)]
    return UNKNOWN


def _folder(classified: Classified) -> Cohort | None:
    uploads = st.file_uploader(
        "A folder of pictures",
        accept_multiple_files="directory",
        key="cohort_folder",
        help="With one folder for each class, named as the model names it, the true classes are "
        f"known. At most {MOST} pictures; the command line takes any number.",
    )
    if not uploads:
        st.info("Choose a folder; its pictures are measured and stay on this server only.")
        return None
    pictures = uploaded_pictures(uploads)
    if pictures is None:
        return None
    if len(pictures) > MOST:
        st.warning(f"The folder holds {len(pictures)} pictures; the first {MOST} are measured.")
    fit = seen(classified.facts)
    found: dict[str, tuple[str, NDArray[np.float32]]] = {}
    sizes: dict[str, tuple[int, int]] = {}
    with st.spinner("Reading the pictures"):
        for upload in pictures[:MOST]:
            try:
                digest, pixels, size = _read(upload.file_id, *fit, upload)
            except ImageError as error:
                st.error(plain(str(error)), icon=":material/broken_image:")
                continue
            found.setdefault(digest, (upload.name, pixels))
            sizes.setdefault(digest, size)
    if not found:
        st.info("There is no picture in this folder.")
        return None
    order = tasks.predict(*classified.loaded, list(found), [pixels for _, pixels in found.values()])
    probabilities = wait_for("cohort-prediction", order, "Predicting the folder").arrays[
        "probabilities"
    ]
    names = {digest: name for digest, (name, _) in found.items()}
    folders = folder_classes(map(folder_of, names.values()), classified.class_names)
    for sentence in folders.problems:
        st.error(plain(sentence), icon=":material/error:")
    true = {digest: folders.known.get(folder_of(name)) for digest, name in names.items()}
    unknown = sum(one is None for one in true.values())
    if unknown:
        st.caption(
            f"The class of {unknown} of {len(true)} pictures is not known: the folder they are in "
            "has not the name of a class."
        )
    subjects = [
        Subject(digest, pixels, _best(row))
        for (digest, (_, pixels)), row in zip(found.items(), probabilities, strict=True)
    ]
    scores = dict(zip(found, probabilities, strict=True))
    return Cohort(subjects, names, true, sizes=sizes, scores=scores)


def _data(classified: Classified, row: Any) -> Cohort | None:
    folders = data_sets()
    name = row.selectbox("Data set", list(folders), key="data_set", bind="query-params", width=220)
    right, wrong = (
        row.number_input(label, 0, MOST, 20, key=key, bind="query-params", width=150)
        for label, key in (("Rightly classified", "right"), ("Wrongly classified", "wrong"))
    )
    if not (right or wrong):
        st.info("Choose how many pictures.")
        return None
    folder = folders[name]
    order = tasks.labelled(*classified.loaded, folder, right, wrong)
    found = wait_for("cohort-data", order, "Reading the pictures")
    for sentence in found.facts["unread"][:5]:
        st.error(plain(sentence), icon=":material/broken_image:")
    return labelled_cohort(found, folder, right, wrong)


def labelled_cohort(found: Result, folder: str, right: int, wrong: int) -> Cohort:
    """The pictures of a data set, as ``tasks.labelled`` found them."""
    hashes = found.facts["hashes"]
    subjects = [
        Subject(digest, picture.transpose(2, 0, 1).astype(np.float32) / np.float32(255), _best(row))
        for digest, picture, row in zip(
            hashes, found.arrays["pixels"], found.arrays["logits"], strict=True
        )
    ]
    names = dict(zip(hashes, found.facts["names"], strict=True))
    true = dict(zip(hashes, found.facts["true"], strict=True))
    scores = dict(zip(hashes, found.arrays["logits"], strict=True))
    distinct = list({s.hash: s for s in subjects}.values())
    if None in true.values() or len(distinct) < len(subjects):
        # The command takes all pictures whose class is not known, and the same picture twice.
        return Cohort(distinct, names, true, folder=folder, scores=scores)
    options = (("--data", folder), ("--right", str(right)), ("--wrong", str(wrong)))
    return Cohort(distinct, names, true, options, scores=scores)


@st.cache_resource(max_entries=2 * MOST, show_spinner=False)
def _read(
    file_id: str,
    size: tuple[int, int],
    crop: float,
    resample: str,
    squash: bool,
    _upload: UploadedFile,
) -> tuple[str, NDArray[np.float32], tuple[int, int]]:
    image = read_image(_upload.getvalue(), _upload.name)
    return image_hash(image), model_input(image, size, crop, resample, squash), image.size


def _best(scores: NDArray[Any]) -> int:
    return int(scores.argmax())
