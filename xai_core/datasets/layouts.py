"""Where a data set's pictures lie, and where their annotations."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xai_core.errors import DataError

TINY, COCO, XML, MASKS = "Tiny-ImageNet's table", "COCO's JSON", "XML", "masks"

# Folders of pictures and of annotations within a data set's, in small letters, and what these are.
_PAIRS = (
    ("data/cls-loc/val", "annotations/cls-loc/val", XML),
    ("data/cls-loc/train", "annotations/cls-loc/train", XML),
    ("val", "annotations/val", XML),
    ("jpegimages", "annotations", XML),
    ("images", "annotations", XML),
    ("images", "masks", MASKS),
)
_SUFFIX = {XML: ".xml", MASKS: ".png"}
_INSTANCES = "instances_"


@dataclass(frozen=True)
class Layout:
    """Where what lies.

    Attributes:
        kind: of annotations: ``TINY``, ``COCO``, ``XML`` or ``MASKS``.
        pictures: the folder that all pictures are in, however deep.
        annotations: the folder or file that the annotations are in.
    """

    kind: str
    pictures: Path
    annotations: Path

    @property
    def suffix(self) -> str:
        """How the names of annotations end, where each picture has a file of its own."""
        return _SUFFIX.get(self.kind, "")


def layout_of(root: Path) -> Layout:
    """The layout of a data set, by the names of its folders.

    The folder may also be that of the pictures, within a data set that has several. Where nothing
    else is found, pictures have XML beside them, or no annotations.

    Args:
        root: the data set's folder.

    Raises:
        DataError: COCO's files for several folders of pictures; the sentence lists these.
    """
    if (root / "wnids.txt").is_file():
        return Layout(TINY, root / "val", root / "val" / "val_annotations.txt")
    found = _coco_around(root) or _coco_within(root) or _paired(root)
    return found or Layout(XML, root, root)


def _coco_within(root: Path) -> Layout | None:
    """COCO's layout: instances_NAME.json, and pictures in NAME, images/NAME or images."""
    files = sorted(root.glob(f"annotations/{_INSTANCES}*.json"))
    found = []
    for file in files:
        name = file.stem.removeprefix(_INSTANCES)
        places = [root / name, root / "images" / name]
        if len(files) == 1:
            places.append(root / "images")
        found += [Layout(COCO, place, file) for place in places if place.is_dir()][:1]
    if len(found) > 1:
        folders = [layout.pictures.relative_to(root.parent).as_posix() for layout in found]
        raise DataError(
            f"The folder '{root.name}' holds several splits; name one of them: "
            f"{' or '.join(map(repr, folders))}."
        )
    return found[0] if found else None


def _coco_around(root: Path) -> Layout | None:
    """COCO's layout around a folder of pictures."""
    for base in (root.parent, root.parent.parent):
        file = base / "annotations" / f"{_INSTANCES}{root.name}.json"
        if file.is_file() and root in (base / root.name, base / "images" / root.name):
            return Layout(COCO, root, file)
    return None


def _paired(root: Path) -> Layout | None:
    inside = _folders(root)
    for first, second, kind in _PAIRS:
        for folders in (inside, *_around(root, first)):
            pictures, beside = _below(folders, first), _below(folders, second)
            if pictures and beside and any(beside.rglob(f"*{_SUFFIX[kind]}")):
                return Layout(kind, pictures, beside)
    return None


def _around(root: Path, names: str) -> Iterator[dict[str, Path]]:
    """The folders of the data set around a folder of that name, if it is one."""
    depth = names.count("/") + 1
    if "/".join(root.parts[-depth:]).lower() == names:
        yield _folders(root.parents[depth - 1])


def _folders(place: Path) -> dict[str, Path]:
    """Folders in a folder by their names in small letters."""
    with os.scandir(place) as entries:
        return {entry.name.lower(): place / entry.name for entry in entries if entry.is_dir()}


def _below(folders: dict[str, Path], names: str) -> Path | None:
    """A folder by its names, one in the other."""
    first, *others = names.split("/")
    place = folders.get(first)
    for name in others:
        place = _folders(place).get(name) if place else None
    return place
