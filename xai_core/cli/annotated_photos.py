"""Photos with their annotations, or those of a data set."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from xai_core.annotations import coco_json
from xai_core.datasets import AnnotatedPicture, Source, annotated
from xai_core.datasets.layouts import COCO, MASKS, XML
from xai_core.errors import DataError, XaiError
from xai_core.images import shown_name
from xai_core.localization.gathering import NO_ANNOTATION, LeftOut, in_turn

Keys = Callable[[Path], Mapping[str, str]]
KINDS = {".xml": XML, ".json": COCO, ".png": MASKS}  # by the ending of a file


def annotated_photos(arguments: argparse.Namespace, left_out: LeftOut) -> list[AnnotatedPicture]:
    """The pictures that the command names, each with how its annotation is read.

    Args:
        arguments: photos and boxes, or data.
        left_out: here go those without annotations.

    Raises:
        XaiError: both or none are given, or options that do not go with them.
        DataError: a file of annotations is none, or not of these photos.
    """
    if (arguments.data is None) == (not arguments.photos):
        raise XaiError("Name photos, or a data set by --data; one of the two.")
    if arguments.data is not None:
        if arguments.boxes:
            raise XaiError("--boxes is for photos; a data set has its annotations in its folder.")
        return in_turn(annotated(arguments.data), left_out)
    if arguments.most is not None:
        raise XaiError("--most is for --data; of photos, name those that you want.")
    photos = list(dict.fromkeys(arguments.photos))
    sources = _given(photos, arguments.boxes) if arguments.boxes else _beside(photos)
    left_out.reasons |= {photo: NO_ANNOTATION for photo in photos if photo not in sources}
    return [
        AnnotatedPicture(Path(photo), None, sources[photo]) for photo in photos if photo in sources
    ]


def _given(photos: Sequence[str], files: Sequence[str]) -> dict[str, Source]:
    """The annotations in files that are named: one for all photos, or one for each."""
    if len(files) not in (1, len(photos)):
        raise DataError(
            f"{len(files)} files of --boxes were given for {len(photos)} photos: give one that "
            "names them, or one for each."
        )
    each = list(files) * len(photos) if len(files) == 1 else files
    found, keys = {}, cache(_keys)
    for photo, file in zip(photos, each, strict=True):
        path = Path(file)
        if not path.is_file():
            raise DataError(f"There is no file of annotations at {file}.")
        kind = _kind(path)
        if kind != COCO and len(each) > len(files):
            raise DataError(
                f"'{shown_name(file)}' is of one photo; give one for each, or leave --boxes out "
                "where each lies beside its photo."
            )
        if (source := _source(photo, path, kind, keys)) is not None:
            found[photo] = source
    return found


def _beside(photos: Sequence[str]) -> dict[str, Source]:
    """The annotations that have the path of their photo, but for the ending."""
    found: dict[str, Source] = {}
    for photo in photos:
        path = Path(photo)
        files = [path.with_suffix(ending) for ending in KINDS]
        for file in files:
            if file == path or not file.is_file():
                continue
            source = _source(photo, file, _kind(file), _keys)
            if source is not None:
                found.setdefault(photo, source)
    return found


def _kind(file: Path) -> str:
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise DataError(
            f"'{shown_name(file.name)}' is no file of annotations: XML of PASCAL-VOC's form, "
            "JSON of COCO's, or a mask as PNG."
        )
    return kind


def _source(photo: str, file: Path, kind: str, keys: Keys) -> Source | None:
    """How a photo's annotation is read; None if the file does not name the photo."""
    if kind != COCO:
        return Source(kind, file)
    key = keys(file).get(Path(photo).name)
    return None if key is None else Source(COCO, file, key)


def _keys(file: Path) -> Mapping[str, str]:
    """What COCO's file calls its pictures, by their names without folders, if they are unique."""
    found: dict[str, list[str]] = {}
    for key in coco_json(file.read_bytes(), file.name):
        found.setdefault(PurePosixPath(key).name, []).append(key)
    return {name: keys[0] for name, keys in found.items() if len(keys) == 1}
