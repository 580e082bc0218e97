"""Which pictures the page is about: samples and uploads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import streamlit as st
from PIL import Image
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components import picture_store
from pages.components.address_bar import warn_of_unknown
from pages.components.text import plain
from xai_core.errors import ImageError
from xai_core.images import image_hash, sample_image, sample_images

MOST = 20


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
    uploads = st.file_uploader(
        "Your pictures",
        type=None,
        accept_multiple_files=True,
        key="uploads",
        help="JPEG, PNG, WebP, BMP or TIFF, up to 20 MB and 25 megapixels each; a JPEG "
        f"of up to 80 is read at half its width and height. Up to {MOST} pictures. They stay on "
        "this server's disk and memory only.",
    )
    with above:
        chosen = _samples(samples, beside=bool(uploads))
    pictures = []
    for upload in uploads or []:
        try:
            pictures.append(_uploaded(upload.file_id, upload))
        except ImageError as error:
            st.error(plain(str(error)), icon=":material/broken_image:")
    pictures += [_sample(name, samples[name]) for name in chosen or []]
    pictures = list({picture.hash: picture for picture in pictures}.values())
    if len(pictures) > MOST:
        st.warning(f"{len(pictures)} pictures were given; the first {MOST} are shown.")
    return pictures[:MOST]


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
def _uploaded(file_id: str, _upload: UploadedFile) -> Picture:
    name = _upload.name
    digest = picture_store.keep(_upload.getvalue())
    return Picture.of(name, name, partial(picture_store.picture, digest, name))


@st.cache_resource(show_spinner=False)
def _sample(name: str, title: str) -> Picture:
    return Picture.of(title, f"sample:{name}", partial(sample_image, name))
