"""Data sets whose pictures have boxes or masks; files are read one at a time."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from PIL import Image

from xai_core.annotations import (
    Annotation,
    MatchedClasses,
    Read,
    coco_json,
    mask_png,
    match_classes,
    of_picture,
    tiny_boxes,
    voc_xml,
)
from xai_core.datasets.layouts import COCO, MASKS, TINY, XML, Layout, layout_of
from xai_core.datasets.listing import files_below, listed
from xai_core.decoding import shown_name, stored
from xai_core.errors import DataError
from xai_core.images import read_image
from xai_core.progress import advance

MOST_BYTES = 100_000_000  # of any file of annotations; each kind has its own limit besides

_OF_ONE = {XML: voc_xml, MASKS: mask_png}
_OF_MANY = {TINY: tiny_boxes, COCO: coco_json}


@dataclass(frozen=True)
class Source:
    """How the annotation of a picture is read.

    Attributes:
        kind: of file, one of those of ``layouts``.
        file: its path.
        key: what a file for many pictures calls this one; "" in files of one.
    """

    kind: str
    file: Path
    key: str = ""

    def read(self) -> Annotation:
        """What the file says, in the pixels that it means.

        Raises:
            DataError: the file cannot be read, or is wrong about this picture.
        """
        if self.kind in _OF_ONE:
            return _OF_ONE[self.kind](_content(self.file), self.file.name)
        table = _table(self.kind, self.file)
        if self.key not in table:
            raise DataError(f"'{shown_name(self.file.name)}' has changed; list the pictures anew.")
        return table[self.key]()


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture of a data set.

    Attributes:
        path: of its file.
        class_name: of the picture, where the layout tells it; else only its objects have names.
        source: of its annotation.
    """

    path: Path
    class_name: str | None
    source: Source

    def open(self) -> tuple[Image.Image, Annotation]:
        """The picture, RGB, and its annotation in the pixels of just that.

        Raises:
            ImageError: the picture cannot be read.
            DataError: the annotation cannot be read, or is not of this picture.
        """
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"'{shown_name(self.path.name)}' cannot be read: {error.strerror}."
            ) from error
        image = read_image(data, self.path.name)
        file = stored(data, self.path.name)
        return image, of_picture(self.source.read(), file, image.size, self.path.name)


@dataclass(frozen=True)
class AnnotatedSet:
    """A data set.

    Attributes:
        pictures: those with annotations.
        without: pictures that have none, or one that could be another's too.
        lost: annotations that belong to no picture, or could belong to several: their files, or
            what a file for many pictures calls them.
    """

    pictures: list[AnnotatedPicture]
    without: list[Path]
    lost: list[str]


@dataclass(frozen=True)
class Survey:
    """What the annotations of pictures say.

    Attributes:
        classes: what the names of objects mean to a model.
        objects: how many there are.
        clipped: how many of them reach beyond the size that their files tell.
        refused: why an annotation cannot be used, by its picture.
    """

    classes: MatchedClasses
    objects: int
    clipped: int
    refused: dict[Path, str]


def annotated(folder: str | Path) -> AnnotatedSet:
    """Pictures of a data set with how their annotations are read; none of these is read yet.

    Pictures are those of ``listing.listed``. XML and masks have the path of their picture, but for
    the ending; where one side lies in a single folder, the name alone decides. Two pictures of
    one name, or two annotations, are never told apart by guessing.

    Args:
        folder: the data set's folder.

    Raises:
        DataError: as ``listed``; a file for many pictures cannot be read; or there is no
            annotation of any picture.
    """
    root = Path(folder)
    pictures = dict(listed(root))
    layout = layout_of(root)
    keys = _keys(layout)
    names = {path: _name(path, layout) for path in pictures}
    pairs = _matched(names, keys)
    if not pairs:
        raise DataError(
            f"No picture in {root} has an annotation: XML or a mask has its picture's name, and "
            "COCO's JSON is called annotations/instances_NAME.json."
        )
    found = [
        AnnotatedPicture(path, class_name, keys[pairs[path]])
        for path, class_name in pictures.items()
        if path in pairs
    ]
    taken = set(pairs.values())
    return AnnotatedSet(
        found,
        [path for path in pictures if path not in pairs],
        [source.key or str(source.file) for key, source in keys.items() if key not in taken],
    )


def survey(pictures: Sequence[AnnotatedPicture], class_names: Sequence[str]) -> Survey:
    """Read the annotations of pictures, and say which classes their objects are of.

    Args:
        pictures: of ``annotated``.
        class_names: the model's.
    """
    names: list[str | None] = []
    refused: dict[Path, str] = {}
    clipped = 0
    for number, picture in enumerate(pictures):
        advance(number, len(pictures))
        try:
            annotation = picture.source.read()
        except DataError as error:
            refused[picture.path] = str(error)
            continue
        names += [region.name for region in annotation.regions]
        clipped += annotation.clipped
    return Survey(match_classes(names, class_names), len(names), clipped, refused)


def _keys(layout: Layout) -> dict[str, Source]:
    """Every annotation of a data set, by what its picture should be called within it."""
    file = layout.annotations
    if layout.kind in _OF_MANY:
        return {key: Source(layout.kind, file, key) for key in _table(layout.kind, file)}
    return {
        path.relative_to(file).with_suffix("").as_posix(): Source(layout.kind, path)
        for path in files_below(file, [layout.suffix])
    }


def _name(picture: Path, layout: Layout) -> str:
    """What an annotation calls a picture."""
    if layout.kind == TINY:
        return picture.name
    within = picture.relative_to(layout.pictures)
    return (within if layout.kind == COCO else within.with_suffix("")).as_posix()


def _matched(pictures: Mapping[Path, str], keys: Collection[str]) -> dict[Path, str]:
    """The key of each picture that has one."""
    found = _alike(pictures, {key: key for key in keys})
    taken = set(found.values())
    rest = {path: PurePosixPath(name) for path, name in pictures.items() if path not in found}
    left = {key: PurePosixPath(key) for key in keys if key not in taken}
    places = ({name.parent for name in side.values()} for side in (rest, left))
    if any(len(folders) == 1 for folders in places):
        found |= _alike(
            {path: name.name for path, name in rest.items()},
            {key: name.name for key, name in left.items()},
        )
    return found


def _alike(pictures: Mapping[Path, str], keys: Mapping[str, str]) -> dict[Path, str]:
    """Pictures and keys of one name, where no other picture or key has it."""
    given, wanted = Counter(pictures.values()), Counter(keys.values())
    by_name = {name: key for key, name in keys.items() if wanted[name] == 1}
    return {
        path: by_name[name]
        for path, name in pictures.items()
        if name in by_name and given[name] == 1
    }


def _table(kind: str, file: Path) -> dict[str, Read]:
    """How the annotation of each picture is read from a file for many."""
    return _kept_table(kind, file, _stat(file).st_mtime_ns)


@lru_cache(maxsize=1)
def _kept_table(kind: str, file: Path, changed: int) -> dict[str, Read]:
    """The same, kept until another is read, or the file has changed since that time."""
    return _OF_MANY[kind](_content(file), file.name)


def _content(file: Path) -> bytes:
    if (size := _stat(file).st_size) > MOST_BYTES:
        raise DataError(
            f"'{shown_name(file.name)}' has {size / 1e6:.0f} MB; at most "
            f"{MOST_BYTES // 10**6} MB are allowed."
        )
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"'{shown_name(file.name)}' cannot be read: {error.strerror}.") from error


def _stat(file: Path) -> os.stat_result:
    try:
        return file.stat()
    except OSError as error:
        raise DataError(f"'{shown_name(file.name)}' cannot be read: {error.strerror}.") from error
