"""Labelled pictures on disk: the Tiny-ImageNet layout."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os.path import commonpath
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.classes import folder_classes
from xai_core.errors import DataError, ModelError, UnknownClassError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# What archivers and file servers leave behind; what begins with a dot is left out as well.
_LEFTOVERS = ("__macosx", "@eadir")
_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")


@dataclass(frozen=True)
class LabelledImages:
    """Pictures and labels in memory.

    Attributes:
        images: uint8 [N, H, W, 3].
        labels: int64 [N], indices into ``class_names``.
        class_names: readable names, one per class.
        files: one path per picture, relative to the data set's folder.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    class_names: list[str]
    files: list[str]

    def first_of_each(self, count: int) -> LabelledImages:
        """The first ``count`` pictures of every class, or all where there are fewer."""
        classes = range(len(self.class_names))
        kept = np.concatenate([np.flatnonzero(self.labels == index)[:count] for index in classes])
        files = [self.files[index] for index in kept]
        return replace(self, images=self.images[kept], labels=self.labels[kept], files=files)

    def permuted(self, seed: int) -> LabelledImages:
        """The same pictures with their labels shuffled; every class stays as frequent."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        return replace(self, labels=self.labels[order])


def tiny_imagenet(folder: str | Path, split: str = "train") -> LabelledImages:
    """Read a split of a data set in Tiny-ImageNet's layout.

    The folder holds ``wnids.txt`` (one class id a line, in label order), ``words.txt``
    (id, tab, comma-separated names), ``train/<id>/images/*.JPEG``, and ``val/images`` with
    ``val/val_annotations.txt`` (file, id and box, tab-separated).

    Args:
        folder: the data set's folder.
        split: "train" or "val".

    Raises:
        DataError: a file of the layout is missing; the sentence names it.
    """
    root = Path(folder)
    ids = _ids(root)
    names = _words(root)
    label_of = {wnid: index for index, wnid in enumerate(ids)}
    if split == "train":
        listed = [(path, label_of[wnid]) for path, wnid in training_pictures(root)]
    elif split == "val":
        listed = [(path, label_of[wnid]) for path, wnid in _annotated(root, label_of)]
    else:
        raise DataError(f"There is no split '{split}'; the splits are 'train' and 'val'.")
    if not listed:
        raise DataError(f"No pictures were found below {root / split}.")
    return LabelledImages(
        images=np.stack([np.asarray(Image.open(path).convert("RGB")) for path, _ in listed]),
        labels=np.array([label for _, label in listed]),
        class_names=[_first(names[wnid]) for wnid in ids],
        files=[path.relative_to(root).as_posix() for path, _ in listed],
    )


def training_pictures(folder: Path) -> list[tuple[Path, str]]:
    """Training pictures in Tiny-ImageNet's layout, class by class, with their WordNet ids.

    Raises:
        DataError: a file of the layout is missing.
    """
    return [
        (path, wnid)
        for wnid in _ids(folder)
        for path in sorted((folder / "train" / wnid / "images").glob("*.JPEG"))
    ]


def _ids(root: Path) -> list[str]:
    return [line.strip() for line in _lines(root / "wnids.txt")]


def folder_stamp(folder: str | Path) -> list[tuple[str, int]]:
    """When the folders of ``listed`` last changed, in nanoseconds.

    Another where a file has come, gone or got another name, however deep.
    """
    root = Path(folder)
    within = root / "val" if (root / "wnids.txt").is_file() else root
    return sorted((place, Path(place).stat().st_mtime_ns) for place, _, _ in os.walk(within))


def listed(folder: str | Path) -> list[tuple[Path, str | None]]:
    """Pictures of a folder with the names of their classes, without reading the pictures.

    Three layouts: Tiny-ImageNet's, of which the validation pictures are taken; one folder for
    each class, named after it; or pictures alone, whose classes are not known. Hidden files and
    folders are left out.

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
    if (root / "wnids.txt").is_file():
        names = _words(root)
        return [(path, _first(names[wnid])) for path, wnid in _annotated(root, names)]
    within = pictures_among(path.relative_to(root) for path in root.rglob("*"))
    pictures = sorted(path for one in within if (path := root / one).is_file())
    if not pictures:
        raise DataError(f"There are no pictures in {root}; they end in {', '.join(ENDINGS)}.")
    check_splits([path.relative_to(root) for path in pictures], root.name)
    return [(path, None if path.parent == root else path.parent.name) for path in pictures]


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


def pictures_among(paths: Iterable[PurePath]) -> list[PurePath]:
    """Those paths within a data set that end like pictures and are not hidden.

    Hidden is what begins with a dot, such as a notebook's checkpoints or what a Mac writes
    beside each file, and what archivers and file servers leave behind.
    """
    return [
        path
        for path in paths
        if path.suffix.lower() in ENDINGS
        and not any(part.startswith(".") or part.lower() in _LEFTOVERS for part in path.parts)
    ]


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


def _words(root: Path) -> dict[str, str]:
    """Names of every class id, by the id."""
    pairs = [line.partition("\t") for line in _lines(root / "words.txt")]
    return {wnid.strip(): names for wnid, _, names in pairs}


def _annotated(root: Path, known: Iterable[str]) -> list[tuple[Path, str]]:
    """Validation pictures with their class ids."""
    ids, rows = set(known), []
    for line in _lines(root / "val" / "val_annotations.txt"):
        file, wnid, *_ = [*line.split("\t"), ""]
        if wnid.strip() not in ids:
            raise DataError(f"val_annotations.txt: the class of '{file}' is not in the data set.")
        rows.append((root / "val" / "images" / file, wnid.strip()))
    return rows


def _first(names: str) -> str:
    return names.split(",")[0].strip()


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"The data set has no {path.name}: expected it at {path}.")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} must be UTF-8 text.") from error
    return [line for line in lines if line.strip()]
