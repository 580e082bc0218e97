"""Which objects are marked on a picture: by hand, or by a file."""

from __future__ import annotations

from pathlib import Path, PurePath

import streamlit as st

from pages.components.classified import ClassifiedImage
from pages.components.display_controls import picture_address
from pages.components.localisation import sample_objects
from pages.components.region_drawing import Region as Drawn
from pages.components.region_drawing import draw_regions, put_regions
from pages.components.text import errors_shown, plain
from xai_core.annotations import (
    Annotation,
    Box,
    Outlines,
    Region,
    coco_json,
    mask_png,
    of_picture,
    voc_xml,
)
from xai_core.decoding import Stored, stored
from xai_core.errors import DataError
from xai_core.images import SAMPLE
from xai_core.localization.objects import Objects, seen_objects

ENDINGS = ("xml", "json", "png")
ALL = "all objects"
NEARLY_ALL = 0.9  # of what the model sees
_TAKEN = "_annotation-taken"  # in the session: which upload has been drawn, by picture


def choose(
    image: ClassifiedImage, size: tuple[int, int], crop: float, squash: bool
) -> tuple[list[Region], Objects]:
    """What is marked on the picture, as the model sees it.

    With nothing marked, or nothing that the model sees, the run ends here, with a word.

    Args:
        image: the picture.
        size: (height, width) of the model's input.
        crop: as in ``model_input``.
        squash: likewise.

    Returns:
        What is marked in pixels of the picture, and of the model's input.
    """
    picture = image.picture
    key = f"objects {picture.hash[:12]}"
    st.markdown("**Mark the object**")
    st.caption(
        "Draw a box or an outline around what the explained class names, or take a file with it. "
        "What the model does not see is dimmed."
    )
    masks = _from_file(image, key)
    box = (float(image.box[0]), float(image.box[1]), float(image.box[2]), float(image.box[3]))
    drawn = draw_regions(
        picture_address(picture.hash, picture.read),
        picture.size,
        sample_objects.known(picture.source),
        label=f"Objects on {picture.name}",
        key=key,
        crop=box,
    )
    regions = [*masks, *[_region(one) for one in drawn]]
    if not regions:
        st.info("Mark at least one object; the maps are measured against it.")
        st.stop()
    found = seen_objects(regions, picture.size, size, crop, squash)
    if not found.mask.any():
        st.info("The model sees nothing of what is marked: its crop leaves it out.")
        st.stop()
    if found.size > NEARLY_ALL:
        st.caption(
            f"The object fills {found.size:.0%} of what the model sees: hardly any map can miss it."
        )
    if found.cut > 0:
        st.caption(f"The crop cuts off {found.cut:.0%} of what is marked.")
    return regions, found


def _from_file(image: ClassifiedImage, key: str) -> list[Region]:
    """Masks of a file; its boxes and outlines are put into the drawing."""
    with st.popover("Boxes from a file", icon=":material/upload_file:"):
        upload = st.file_uploader(
            "PASCAL-VOC or ILSVRC XML, COCO JSON, or a mask as PNG",
            ENDINGS,
            key=f"annotation {key}",
            max_upload_size=20,
        )
        if upload is None:
            return []
        with errors_shown(DataError):
            annotation = _read(upload.name, upload.getvalue(), image)
            return _taken(annotation, upload.file_id, image, key)
    return []


def _read(name: str, data: bytes, image: ClassifiedImage) -> Annotation:
    """The annotation of just this picture.

    Raises:
        DataError: the file cannot be read, or is not of this picture.
    """
    ending, picture = PurePath(name).suffix.lower(), image.picture
    if ending == ".xml":
        found = voc_xml(data, name)
    elif ending == ".png":
        found = mask_png(data, name)
    else:
        every = coco_json(data, name)
        named = [key for key in every if PurePath(key).name == PurePath(picture.source).name]
        if len(named) != 1:
            raise DataError(f"'{name}' has no annotation, or several, of '{picture.source}'.")
        found = every[named[0]]()
    return of_picture(found, _stored(image), picture.size, picture.name)


def _stored(image: ClassifiedImage) -> Stored:
    """The size of the picture's file, and how it is turned upright."""
    picture = image.picture
    if picture.file.startswith(SAMPLE):
        return Stored(picture.size, 1)
    return stored(Path(picture.file).read_bytes(), picture.name)


def _taken(annotation: Annotation, upload: str, image: ClassifiedImage, key: str) -> list[Region]:
    """Put boxes and outlines into the drawing once; masks go beside it."""
    names = list(annotation.names)
    wanted = ALL
    if len(names) > 1:
        wanted = st.selectbox("Objects", [ALL, *names], key=f"annotated {key} {upload}")
    regions = [one for one in annotation.regions if wanted in (ALL, one.name)]
    if not regions:
        raise DataError("The file marks nothing on this picture.")
    st.caption(f"{len(regions)} objects: {plain(', '.join(names) or 'without a name')}.")
    turn = f"{upload} {wanted}"
    if st.session_state.get(f"{_TAKEN} {key}") != turn:
        st.session_state[f"{_TAKEN} {key}"] = turn
        put_regions(key, [d for one in regions for d in _drawn(one)], image.picture.size)
    return [one for one in regions if not isinstance(one.shape, Box | Outlines)]


def _drawn(region: Region) -> list[Drawn]:
    """A region of a file as the drawing takes it; none for a mask."""
    shape = region.shape
    if isinstance(shape, Box):
        return [{"kind": "box", "x0": shape.x0, "y0": shape.y0, "x1": shape.x1, "y1": shape.y1}]
    if isinstance(shape, Outlines):
        return [{"kind": "outline", "points": [[x, y] for x, y in part]} for part in shape.parts]
    return []


def _region(drawn: Drawn) -> Region:
    """What was drawn, as an annotation has it."""
    if drawn["kind"] == "box":
        return Region(None, Box(drawn["x0"], drawn["y0"], drawn["x1"], drawn["y1"]))
    return Region(None, Outlines((tuple((x, y) for x, y in drawn["points"]),)))
