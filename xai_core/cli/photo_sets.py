"""Photos by name, or the pictures of a data set, with their true classes as far as known."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xai_core.errors import MethodError, ModelError, XaiError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from xai_core.cache import Cache
    from xai_core.cli.asked import Asked
    from xai_core.cli.meter import Meter
    from xai_core.cli.subjects import Facts, Photo

CHUNK = 16  # pictures that are read, and classified, before the first of them is given


@dataclass(frozen=True)
class PhotoSet:
    """Which pictures are wanted.

    Attributes:
        files: every picture's name with the index of its true class, None if unknown.
        data: the data set's folder, or None for photos by name.
        right: most pictures of the data set that are classified rightly; None for all.
        wrong: the same for wrongly.
    """

    files: Sequence[tuple[str, int | None]]
    data: Path | None = None
    right: int | None = None
    wrong: int | None = None

    @property
    def expected(self) -> int:
        """So many pictures will probably be given."""
        if self.right is None or self.wrong is None:
            return len(self.files)
        return min(len(self.files), self.right + self.wrong)

    @property
    def options(self) -> list[tuple[str, str]]:
        """The data set in the command line's words; none for photos by name."""
        given = [("--data", self.data), ("--right", self.right), ("--wrong", self.wrong)]
        return [(option, str(value)) for option, value in given if value is not None]

    def takes(self, correct: bool | None, seen: Mapping[bool | None, int]) -> bool:
        """Whether a picture that is classified so is wanted beside those that were seen."""
        limit = {True: self.right, False: self.wrong, None: None}[correct]
        return limit is None or seen[correct] < limit


@dataclass(frozen=True)
class Answered:
    """A picture, and what the model says of it.

    Attributes:
        photo: the picture.
        true: index of its true class, None if unknown.
        said: arrays "logits" and "probabilities", each [K].
    """

    photo: Photo
    true: int | None
    said: Mapping[str, NDArray[Any]]

    @property
    def correct(self) -> bool | None:
        """Whether it is rightly classified; None where that is not known."""
        return None if self.true is None else int(self.said["logits"].argmax()) == self.true


def add_data(group: Any) -> None:
    """Add ``--data``, ``--true``, ``--right`` and ``--wrong``."""
    group.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="a data set: one folder a class, pictures alone, or the layout of Tiny-ImageNet or "
        "ImageNet (their validation pictures), PASCAL-VOC or COCO",
    )
    group.add_argument(
        "--true",
        action="append",
        metavar="CLASS",
        help="true class of the photos, by name, by number, or by both as in 474-cardigan, or "
        "unknown (the default); given once, or once for every photo",
    )
    for name, word in (("right", "rightly"), ("wrong", "wrongly")):
        group.add_argument(
            f"--{name}",
            type=int,
            metavar="N",
            help=f"at most so many pictures of --data that are {word} classified (default: all)",
        )


def check_least(arguments: argparse.Namespace, **least: int) -> None:
    """See that options are at least so large where they are given.

    Raises:
        MethodError: one is smaller.
    """
    for name, number in {"right": 0, "wrong": 0, **least}.items():
        value = getattr(arguments, name)
        if value is not None and value < number:
            option = name.replace("_", "-")
            raise MethodError(f"--{option} must be at least {number}, not {value}.")


def photo_set(arguments: argparse.Namespace, about: Facts) -> PhotoSet:
    """What the photos, or ``--data``, ask for.

    Raises:
        XaiError: both or none are given, or options that do not go with them.
    """
    from xai_core.cli.asked import photo_classes
    from xai_core.datasets import labelled
    from xai_core.provenance import UNKNOWN

    data, names = arguments.data, about["class_names"]
    if (data is None) == (not arguments.photos):
        raise XaiError("Name photos, or a data set by --data; one of the two.")
    if data is None:
        for option in ("right", "wrong"):
            if getattr(arguments, option) is not None:
                raise XaiError(f"--{option} is for --data; of photos, name those that you want.")
        files = list(dict.fromkeys(arguments.photos))
        given = arguments.true or [UNKNOWN]
        true = photo_classes(files, given, names, UNKNOWN, "true classes")
        return PhotoSet(list(true.items()))
    if arguments.true:
        raise ModelError("--true is for photos; the classes of --data are its folders' names.")
    found = [(str(path), true) for path, true in labelled(data, names)]
    return PhotoSet(found, data, arguments.right, arguments.wrong)


def answered(
    photos: PhotoSet, asked: Asked, cache: Cache, meter: Meter, each: int, unread: list[str]
) -> Iterator[list[Answered]]:
    """The wanted pictures with the model's answers, some at a time.

    Args:
        photos: which are wanted.
        asked: the model.
        cache: where answers are looked up and kept.
        meter: is told how many steps there will be.
        each: steps of a picture.
        unread: here go the names of files that cannot be read; why is said.
    """
    from xai_core.cli.subjects import readable

    seen = Counter[bool | None]()
    for start in range(0, len(photos.files), CHUNK):
        if not (photos.takes(True, seen) or photos.takes(False, seen)):
            return
        chunk = dict(photos.files[start : start + CHUNK])
        read = readable(chunk, asked.about, meter.say)
        meter.drop(each * (len(chunk) - len(read)))
        unread += sorted(set(chunk) - {photo.name for photo in read})
        wanted = []
        for photo, said in zip(read, asked.classified(read, cache), strict=True):
            one = Answered(photo, chunk[photo.name], said)
            if photos.takes(one.correct, seen):
                seen[one.correct] += 1
                wanted.append(one)
        meter.expect(each * seen.total())
        yield wanted
