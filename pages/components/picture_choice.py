"""Which pictures the page is about: samples and uploads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import streamlit as st
from PIL import Image

from pages.components import picture_store, working_session
from pages.components.address_bar import warn_of_unknown
from pages.components.text import plain
from pages.components.working_session import OwnPicture
from xai_core.errors import ImageError
from xai_core.images import image_hash, sample_image, sample_images, shown_name

MOST = 20
_TURN = "_uploads-taken"  # in the session: how often
_REFUSED = "_uploads-refused"  # and what was last refused, as sentences


@dataclass(frozen=True)
class Picture:
    """A picture in use; its pixels are not kept in memory.

    Attributes:
        name: what people read.
        source: as the command line names it: a file name, or sample:NAME.
        hash: of its pixels; it names the results.
        size: (width, height) in pixels.
        read: gives its pixels.
    """

    name: str
    source: str
    hash: str
    size: tuple[int, int]
    read: Callable[[], Image.Image] = field(compare=False)

    @classmethod
    def of(cls, name: str, source: str, read: Callable[[], Image.Image]) -> Picture:
        """The picture that ``read`` gives.

        Raises:
            ImageError: it cannot be read.
        """
        image = read()
        return cls(name, source, image_hash(image), image.size, read)


def choose_pictures() -> list[Picture]:
    """The sidebar's picture part; unreadable files are named and left out."""
    asked = st.query_params.get_all("samples")
    offered = [one for one in sample_images() if one.known or one.title in asked]
    samples = {sample.id: sample.title for sample in offered}
    st.subheader("Pictures")
    warn_of_unknown("samples", samples.values(), "sample picture")
    above = st.container()
    _bring()
    brought = working_session.pictures()
    own = _own(brought) if brought else []
    with above:
        chosen = _samples(samples, beside=bool(brought))
    pictures = own + [_sample(name, samples[name]) for name in chosen or []]
    pictures = list({picture.hash: picture for picture in pictures}.values())
    if len(pictures) > MOST:
        st.warning(f"{len(pictures)} pictures were given; the first {MOST} are shown.")
    return pictures[:MOST]


def _bring() -> None:
    """Take what is uploaded into the session, and say what is no picture."""
    turn: int = st.session_state.get(_TURN, 0)
    uploads = st.file_uploader(
        "Your pictures",
        type=None,
        accept_multiple_files=True,
        key=f"uploads {turn}",
        help="JPEG, PNG, WebP, BMP or TIFF, up to 20 MB and 25 megapixels each; a JPEG "
        f"of up to 80 is read at half its width and height. Up to {MOST} pictures are shown. They "
        f"stay on this server for {working_session.DAYS} days after they were last used, or until "
        "you delete them. Whoever is given this page's address sees them.",
    )
    if uploads:
        brought, refused = [], []
        for upload in uploads:
            digest = picture_store.keep(upload.getvalue())
            try:
                _kept(upload.name, digest)
            except ImageError as error:
                picture_store.delete(digest)
                refused.append(str(error))
            else:
                brought.append(OwnPicture(upload.name, digest))
        if brought:
            working_session.add(brought)
        st.session_state[_REFUSED] = refused
        st.session_state[_TURN] = turn + 1
        st.rerun()
    for sentence in st.session_state.get(_REFUSED, []):
        st.error(plain(sentence), icon=":material/broken_image:")


def _own(there: Sequence[OwnPicture]) -> list[Picture]:
    """Those of the session's pictures that are shown, and controls to choose or delete them."""
    names = {one.digest: one.name for one in there}
    # Anew wherever something came or went: else what came would not be chosen.
    key = f"own pictures {hash(tuple(names))}"
    chosen: list[str] = st.pills(
        "Your pictures",
        list(names),
        selection_mode="multi",
        default=[one.digest for one in there if one.shown],
        format_func=lambda digest: shown_name(names[digest]),
        key=key,
        on_change=lambda: working_session.show(st.session_state[key]),
        label_visibility="collapsed",
    )
    with st.popover("Delete pictures", icon=":material/delete:"):
        st.caption(
            "They are deleted from this server. Heatmaps of them stay in its cache until others "
            "need the room."
        )
        for label, digests in (("Delete the chosen", chosen), ("Delete all", list(names))):
            if st.button(label, disabled=not digests):
                working_session.delete(digests)
                st.rerun()
    pictures = []
    for digest in names:
        if digest in chosen:
            try:
                pictures.append(_kept(names[digest], digest))
            except ImageError as error:
                st.error(plain(str(error)), icon=":material/broken_image:")
    return pictures


def _samples(titles: dict[str, str], beside: bool) -> list[str]:
    """The samples that are chosen.

    Whoever brings own pictures wants to see those: ``beside`` them no sample is chosen at first,
    and none stands in the address, which cannot tell uploads either.
    """
    chosen: list[str] = st.pills(
        "Samples",
        list(titles),
        selection_mode="multi",
        default=None if beside else [next(iter(titles))],
        format_func=titles.__getitem__,
        key="samples beside uploads" if beside else "samples",
        bind=None if beside else "query-params",
    )
    return chosen


# Decoding and hashing a large picture takes a good part of a second, and a page runs often.
@st.cache_resource(max_entries=1000, show_spinner=False)
def _kept(name: str, digest: str) -> Picture:
    return Picture.of(name, name, partial(picture_store.picture, digest, name))


@st.cache_resource(show_spinner=False)
def _sample(name: str, title: str) -> Picture:
    return Picture.of(title, f"sample:{name}", partial(sample_image, name))
