"""Maps computed elsewhere, as columns beside the methods: uploaded, named, and matched by name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components import own_map_store
from pages.components.address_bar import notice, write
from pages.components.classified import Classified, seen
from pages.components.select_controls import segments
from pages.components.text import errors_shown, plain
from xai_core.errors import MapError
from xai_core.explainers.choices import Choice, choice_of
from xai_core.map_files import ENDINGS, MOST_BYTES
from xai_core.own_maps import COVERS, OwnMaps, View, check_name, read_maps

PARAMETER = "maps"  # of the address: NAME~CONTENT of every set
COLUMNS = "_own_maps"  # in the session: the content of every set by its name
TURN = "_own_maps_turn"  # in the session: how many were added
MOST_SAID = 5
HELP = (
    "NPY, NPZ or grey PNG, each file called as its picture (an NPZ may hold one array for each). "
    "A map of the picture's proportions is cropped as the picture is; one of the model's input "
    "size is taken as it is; any other is refused. Nothing in the files is run."
)


def choose(classified: Classified, row: Any) -> tuple[Classified, list[Choice]]:
    """The control for own maps: the pictures with their maps, and one column for each set.

    Args:
        classified: the pictures.
        row: where the control goes.
    """
    _read_address()
    with row.popover("Maps of mine", icon=":material/upload_file:"):
        _present()
        _add()
    own = columns()
    words = [f"{name}~{digest}" for name, digest in _kept().items()]
    if words != st.query_params.get_all(PARAMETER):
        write(PARAMETER, words or None)
    names = [image.picture.source for image in classified.images]
    say_left_out(own, names)
    own = [one.among(names) for one in own]
    size, *_ = seen(classified.facts)
    images = []
    for image in classified.images:
        view = View(image.picture.size, image.box, size)
        maps = {one.id: one.found(image.picture.source, view, size) for one in own}
        images.append(replace(image, maps=maps))
    return replace(classified, images=images), [choice_of(one) for one in own]


def columns() -> list[OwnMaps]:
    """The sets of this session; one that the server has lost is said to be, and given up."""
    found = []
    for name, digest in list(_kept().items()):
        try:
            found.append(own_map_store.kept(name, digest))
        except MapError as error:
            del _kept()[name]
            notice(plain(str(error)))
    return found


def not_here(why: str) -> None:
    """Say that a page does not offer them, and why, in the end of a sentence."""
    names = list(_kept())
    if names:
        st.caption(
            f"Your maps ({plain(', '.join(names))}) are not offered here: {why}, and only a "
            "method can make them."
        )


def _kept() -> dict[str, str]:
    found: dict[str, str] = st.session_state.setdefault(COLUMNS, {})
    return found


def _read_address() -> None:
    """Take over what a link says, when the page is opened."""
    if COLUMNS in st.session_state:
        return
    found: dict[str, str] = {}
    for word in st.query_params.get_all(PARAMETER):
        name, _, digest = word.rpartition("~")
        try:
            found[check_name(name, found)] = digest
        except MapError as error:
            notice(plain(str(error)))
    st.session_state[COLUMNS] = found


def _present() -> None:
    for name in list(_kept()):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown(plain(name), width="stretch")
        if row.button("", icon=":material/delete:", key=f"drop maps {name}", help="Remove"):
            del _kept()[name]
            st.rerun()


def _add() -> None:
    turn = st.session_state.get(TURN, 0)
    name = st.text_input("Name of the column", key=f"maps name {turn}", max_chars=40)
    uploads = st.file_uploader(
        "Maps",
        list(ENDINGS),
        accept_multiple_files=True,
        key=f"maps {turn}",
        help=HELP,
        max_upload_size=MOST_BYTES // 2**20,
    )
    covers = segments(st, "They cover", COVERS, f"maps cover {turn}", bind=None)
    if st.button("Add this column", type="primary", disabled=not (uploads and name.strip())):
        with errors_shown(MapError):
            check_name(name, _kept())
            files = ((upload.name, upload.getvalue()) for upload in uploads or [])
            own = read_maps(name, files, covers)
            _kept()[own.name] = own_map_store.keep(own)
            st.session_state[TURN] = turn + 1
            st.rerun()


def say_left_out(own: Sequence[OwnMaps], names: Collection[str]) -> None:
    """What was left out of the sets, and what matches no picture."""
    said = [sentence for one in own for sentence in (*one.refused, *one.left_over(names))]
    for sentence in said[:MOST_SAID]:
        st.caption(f":material/info: {plain(sentence)}")
    if len(said) > MOST_SAID:
        st.caption(f"{len(said) - MOST_SAID} more maps are left out.")
