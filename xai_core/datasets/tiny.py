"""Tiny-ImageNet's layout, and its pictures in memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.errors import DataError


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
        listed = [(path, label_of[wnid]) for path, wnid in _validation(root, label_of)]
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


def validation_pictures(folder: Path) -> list[tuple[Path, str]]:
    """Validation pictures in Tiny-ImageNet's layout with the names of their classes.

    Raises:
        DataError: a file of the layout is missing.
    """
    names = _words(folder)
    return [(path, _first(names[wnid])) for path, wnid in _validation(folder, names)]


def _ids(root: Path) -> list[str]:
    return [line.strip() for line in _lines(root / "wnids.txt")]


def _words(root: Path) -> dict[str, str]:
    """Names of every class id, by the id."""
    pairs = [line.partition("\t") for line in _lines(root / "words.txt")]
    return {wnid.strip(): names for wnid, _, names in pairs}


def _validation(root: Path, known: Iterable[str]) -> list[tuple[Path, str]]:
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
