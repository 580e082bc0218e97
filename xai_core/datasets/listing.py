"""Which pictures a data set has, and of which classes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from os.path import commonpath
from pathlib import Path, PurePath

from xai_core.classes import folder_classes
from xai_core.datasets.layouts import TINY, layout_of
from xai_core.datasets.tiny import validation_pictures
from xai_core.errors import DataError, ModelError, UnknownClassError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# What archivers and file servers leave behind; what begins with a dot is left out as well.
_LEFTOVERS = ("__macosx", "@eadir")
_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")


def folder_stamp(folder: str | Path) -> list[tuple[str, int]]:
    """When the folders of ``listed`` last changed, in nanoseconds.

    Another where a file has come, gone or got another name, however deep.
    """
    within = Path(folder)
    with suppress(DataError):
        within = layout_of(within).pictures
    return sorted((place, Path(place).stat().st_mtime_ns) for place, _, _ in os.walk(within))


def listed(folder: str | Path) -> list[tuple[Path, str | None]]:
    """Pictures of a folder with the names of their classes, without reading the pictures.

    Layouts: Tiny-ImageNet's, of which the validation pictures are taken; one folder for each
    class, named after it; pictures alone, whose classes are not known; and those with annotations
    (``layouts``), whose pictures are taken, and not their masks. Hidden files and folders are left
    out.

    Args:
        folder: the data set's folder.

    Returns:
        Path and class name of each picture, in the order of the layout.

    Raises:
        DataError: there is no such folder, or no picture in it; it holds several splits; or a
            file of the layout is missing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"There is no folder {root}.")
    layout = layout_of(root)
    if layout.kind == TINY:
        return [*validation_pictures(root)]
    base = layout.pictures
    pictures = files_below(base, ENDINGS)
    if not pictures:
        raise DataError(f"There are no pictures in {base}; they end in {', '.join(ENDINGS)}.")
    check_splits([path.relative_to(base) for path in pictures], base.name)
    return [(path, None if path.parent == base else path.parent.name) for path in pictures]


def labelled(folder: str | Path, class_names: Sequence[str]) -> list[tuple[Path, int | None]]:
    """The same with the indices of a model's classes.

    Args:
        folder: the data set's folder.
        class_names: the model's.

    Raises:
        DataError: as ``listed``.
        ModelError: a folder is called like none of the classes, or its class could only be
            guessed (``classes.folder_classes``).
    """
    pictures = listed(folder)
    folders = folder_classes((name for _, name in pictures if name is not None), class_names)
    if folders.problems:
        raise ModelError(folders.problems[0])
    if folders.unknown:
        raise UnknownClassError(f"The model has no class '{folders.unknown[0]}'.")
    return [(path, None if name is None else folders.known[name]) for path, name in pictures]


def files_below(folder: Path, endings: Sequence[str]) -> list[Path]:
    """Files of a folder, however deep, that end so and are not hidden, sorted."""
    within = _among((path.relative_to(folder) for path in folder.rglob("*")), endings)
    return sorted(path for one in within if (path := folder / one).is_file())


def pictures_among(paths: Iterable[PurePath]) -> list[PurePath]:
    """Those paths within a data set that end like pictures and are not hidden.

    Hidden is what begins with a dot, such as a notebook's checkpoints or what a Mac writes
    beside each file, and what archivers and file servers leave behind.
    """
    return _among(paths, ENDINGS)


def check_splits(pictures: Sequence[PurePath], name: str) -> None:
    """Refuse a folder whose sub-folders are splits: they are never merged without a word.

    Folders that are called like splits and hold pictures themselves, beside others that do,
    are classes.

    Args:
        pictures: paths within the folder.
        name: of the folder.

    Raises:
        DataError: it holds several splits; the sentence lists them.
    """
    parents = [path.parent for path in pictures]
    top = len(PurePath(commonpath(parents)).parts) if parents else 0
    below = [(path.parts[top], len(path.parts) == top + 1) for path in parents if path.parts[top:]]
    splits = sorted({folder for folder, _ in below if folder.lower() in _SPLITS})
    classes = {folder for folder, direct in below if direct}
    if len(splits) > 1 and not (classes > set(splits)):
        inside = PurePath(*parents[0].parts[:top])
        where = " or ".join(f"'{(PurePath(name) / inside / split).as_posix()}'" for split in splits)
        raise DataError(f"The folder '{name}' holds several splits; name one of them: {where}.")


def _among(paths: Iterable[PurePath], endings: Sequence[str]) -> list[PurePath]:
    return [
        path
        for path in paths
        if path.suffix.lower() in endings
        and not any(part.startswith(".") or part.lower() in _LEFTOVERS for part in path.parts)
    ]
