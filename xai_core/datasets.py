"""Labelled pictures on disk: the Tiny-ImageNet layout."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from xai_core.errors import DataError

ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


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
    ids = _lines(root / "wnids.txt")
    names = dict(line.split("\t", 1) for line in _lines(root / "words.txt"))
    label_of = {wnid: index for index, wnid in enumerate(ids)}
    if split == "train":
        listed = [
            (path, label_of[wnid])
            for wnid in ids
            for path in sorted((root / "train" / wnid / "images").glob("*.JPEG"))
        ]
    elif split == "val":
        rows = [line.split("\t") for line in _lines(root / "val" / "val_annotations.txt")]
        listed = [(root / "val" / "images" / row[0], label_of[row[1]]) for row in rows]
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


def listed(folder: str | Path) -> list[tuple[Path, str | None]]:
    """Pictures of a folder with the names of their classes, without reading the pictures.

    Three layouts: Tiny-ImageNet's, of which the validation pictures are taken; one folder for
    each class, named after it; or pictures alone, whose classes are not known.

    Args:
        folder: the data set's folder.

    Returns:
        Path and class name of each picture, in the order of the layout.

    Raises:
        DataError: there is no such folder, or no picture in it, or a file of the layout is
            missing.
    """
    root = Path(folder)
    if not root.is_dir():
        raise DataError(f"There is no folder {root}.")
    if (root / "wnids.txt").is_file():
        names = dict(line.split("\t", 1) for line in _lines(root / "words.txt"))
        rows = [line.split("\t") for line in _lines(root / "val" / "val_annotations.txt")]
        return [(root / "val" / "images" / row[0], _first(names[row[1]])) for row in rows]
    found = (path for path in root.rglob("*") if path.suffix.lower() in ENDINGS)
    pictures = sorted(path for path in found if path.is_file())
    if not pictures:
        raise DataError(f"There are no pictures in {root}; they end in {', '.join(ENDINGS)}.")
    return [(path, None if path.parent == root else path.parent.name) for path in pictures]


def _first(names: str) -> str:
    return names.split(",")[0].strip()


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"The data set has no {path.name}: expected it at {path}.")
    return path.read_text(encoding="utf-8").splitlines()
