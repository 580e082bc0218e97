"""Maps computed elsewhere: read, matched with pictures by name, brought over the right place.

A set of maps has a name and stands beside the methods as a column of its own. Its files are NPY,
NPZ or PNG. Nothing in them is unpickled. Needs no torch.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image

from xai_core.decoding import shown_name
from xai_core.errors import MapError
from xai_core.map_files import MOST_BYTES, Map, maps_in, picture_stem

PREFIX = "maps:"  # before the name, in the ids of columns
BY_SIZE, PICTURE, SEEN = "size", "picture", "seen"
COVERS = {
    BY_SIZE: "Found from their size",
    PICTURE: "The whole picture",
    SEEN: "What the model sees",
}
LONGEST_NAME = 40
MOST_NAMED = 5  # in a sentence

_NAME = re.compile(r"[\w][\w -]*")


def is_own(method: str) -> bool:
    """Whether a column's id names maps computed elsewhere, and no method."""
    return method.startswith(PREFIX)


def title_of(method: str) -> str:
    """What people read above a column of own maps."""
    return method.removeprefix(PREFIX)


def check_name(name: str, taken: Iterable[str] = ()) -> str:
    """The name that a user gave to a set of maps, without space around it.

    Args:
        name: as given.
        taken: names that are there already.

    Raises:
        MapError: addresses and commands could not spell it, or it is taken.
    """
    clean = name.strip()
    if len(clean) > LONGEST_NAME or not _NAME.fullmatch(clean):
        raise MapError(
            f"The maps need a name of letters, digits, spaces, - and _, of at most {LONGEST_NAME} "
            "signs."
        )
    if clean in taken:
        raise MapError(f"There are maps of the name “{clean}” already; choose another one.")
    return clean


@dataclass(frozen=True)
class View:
    """What a map's size is compared with.

    Attributes:
        size: (width, height) of the picture; None where only the model's input is known of it.
        box: left, top, right and bottom of the part that is seen, in the picture's pixels.
        input_size: (height, width) of the model's input; None where there is no model.
    """

    size: tuple[int, int] | None
    box: tuple[int, int, int, int]
    input_size: tuple[int, int] | None = None

    @property
    def seen(self) -> tuple[int, int]:
        """(width, height) of the part that is seen, in the picture's pixels."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


@dataclass(frozen=True)
class OwnMaps:
    """A set of maps under a name.

    Attributes:
        name: given by the user.
        maps: float32 [C, h, w], C 1 or 3, by the picture's name (``picture_stem``).
        problems: why there is no map of a picture, by the same.
        covers: what they cover, key of ``COVERS``.
        refused: sentences about files that give no map.
    """

    name: str
    maps: Mapping[str, Map]
    problems: Mapping[str, str] = field(default_factory=dict)
    covers: str = BY_SIZE
    refused: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The id of its column."""
        return PREFIX + self.name

    @property
    def signed(self) -> bool:
        """Whether any map has a negative value, so that the sign has a meaning."""
        return any(bool((values < 0).any()) for values in self.maps.values())

    def among(self, names: Iterable[str]) -> OwnMaps:
        """The same in front of pictures; a map whose name several of them have fits none.

        Args:
            names: of all pictures.
        """
        counts = Counter(map(picture_stem, names))
        several = {
            stem: f"{number} pictures are called '{shown_name(stem)}'; maps are matched by name, "
            "so that theirs cannot be told apart."
            for stem, number in counts.items()
            if number > 1
        }
        return replace(self, problems={**self.problems, **several})

    def left_over(self, names: Iterable[str]) -> list[str]:
        """A sentence about maps whose names are no picture's; none if there are none.

        Args:
            names: of all pictures.
        """
        known = set(map(picture_stem, names))
        lost = [shown_name(name) for name in self.maps if name not in known]
        if not lost:
            return []
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        return [
            f"The maps “{self.name}” have {len(lost)} whose names match no picture: "
            f"{', '.join(lost[:MOST_NAMED])}{more}."
        ]

    def of(self, name: str, view: View, most: tuple[int, int]) -> Map:
        """The map of a picture over the part that is seen of it; arguments as in ``fitted``.

        Args:
            name: of the picture.
            view: the picture.
            most: (height, width) that it has at most.

        Raises:
            MapError: there is none, or it does not fit.
        """
        stem = picture_stem(name)
        if stem in self.problems:
            raise MapError(self.problems[stem])
        if stem not in self.maps:
            raise MapError(
                f"The maps “{self.name}” hold none of the name '{shown_name(stem)}'; a map has "
                "the name of its picture."
            )
        return fitted(self.maps[stem], view, self.covers, most, stem)

    def found(self, name: str, view: View, most: tuple[int, int]) -> Map | str:
        """As ``of``, with the sentence in place of the error."""
        try:
            return self.of(name, view, most)
        except MapError as error:
            return str(error)


def read_maps(name: str, files: Iterable[tuple[str, bytes]], covers: str = BY_SIZE) -> OwnMaps:
    """A set of maps from its files; what cannot be read costs its own picture only.

    Args:
        name: of the set.
        files: name and content of each, as ``map_files.maps_in`` takes them.
        covers: key of ``COVERS``.

    Raises:
        MapError: the name or ``covers`` is none, there is no map at all, or too much.
    """
    clean = check_name(name)
    if covers not in COVERS:
        raise MapError(f"Maps cannot cover '{covers}'; there are: {', '.join(COVERS)}.")
    maps: dict[str, Map] = {}
    problems: dict[str, str] = {}
    refused: list[str] = []
    size = 0
    for file, content in files:
        for stem, found in maps_in(file, content):
            if stem in maps or stem in problems:
                maps.pop(stem, None)
                found = f"There are two maps of the name '{shown_name(stem)}'; leave one of them."
            if isinstance(found, str):
                problems[stem] = found
                refused.append(found)
                continue
            size += found.nbytes
            if size > MOST_BYTES:
                raise MapError(
                    f"The maps take more than {MOST_BYTES // 2**20} MB; give fewer or smaller ones."
                )
            maps[stem] = found
    if not maps:
        raise MapError(refused[0] if refused else f"There is no map among the files of “{clean}”.")
    return OwnMaps(clean, maps, problems, covers, tuple(refused))


def fitted(values: Map, view: View, covers: str, most: tuple[int, int], name: str = "") -> Map:
    """A map over the part of its picture that is seen.

    A map of the picture's proportions covers the whole picture and is cropped as the picture is.
    One of exactly the model's input size, or of the size that the seen part has in the picture,
    covers that part. What could be both, or is neither, is refused: nothing is stretched.

    Args:
        values: [C, h, w].
        view: the picture.
        covers: key of ``COVERS``; which of both it is, where the size does not say.
        most: (height, width) that it has at most; a finer one is averaged down to that.
        name: of the picture, for errors.

    Returns:
        [C, h', w'] with the seen part's proportions.

    Raises:
        MapError: it fits neither, or both.
    """
    given = (values.shape[2], values.shape[1])
    whole = view.size is not None and _alike(given, view.size)
    exact = {view.seen} if view.size is not None else set()
    seen = view.seen
    if view.input_size is not None:
        seen = (view.input_size[1], view.input_size[0])
        exact.add(seen)
    apart = view.size is not None and view.box != (0, 0, *view.size)
    if covers == BY_SIZE and whole and given in exact and apart:
        raise MapError(
            f"The map of '{shown_name(name)}' has {_pixels(given)}, which may cover the whole "
            f"picture or the part that is seen of it; say which."
        )
    as_picture = whole and covers != SEEN and not (covers == BY_SIZE and given in exact)
    as_seen = given in exact if covers == BY_SIZE else covers == SEEN and _alike(given, seen)
    if not (as_picture or as_seen):
        raise MapError(_refusal(given, view, covers, name))
    box: tuple[float, ...] = (0.0, 0.0, *given)
    if as_picture and view.size is not None:
        across, down = given[0] / view.size[0], given[1] / view.size[1]
        left, top, right, bottom = view.box
        edges = (left * across, top * down, right * across, bottom * down)
        box = tuple(round(edge, 6) for edge in edges)  # whole where they are, but for rounding
    return _cropped(values, box, most)


def _cropped(values: Map, box: tuple[float, ...], most: tuple[int, int]) -> Map:
    """Part of a map, as it is where the part begins and ends between two of its pixels."""
    left, top, right, bottom = box
    size = (max(1, round(right - left)), max(1, round(bottom - top)))
    first, last = (math.floor(left), math.floor(top)), (math.ceil(right), math.ceil(bottom))
    # First to whole pixels: what lies outside of the part must not come in at its edges.
    part = values[:, first[1] : last[1], first[0] : last[0]]
    if size[0] > most[1] or size[1] > most[0]:
        size = (most[1], most[0])
    elif all(edge == round(edge) for edge in box):
        return np.ascontiguousarray(part)
    inner = (left - first[0], top - first[1], right - first[0], bottom - first[1])
    planes = [
        np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR, box=inner))
        for plane in np.ascontiguousarray(part)
    ]
    return np.stack(planes)


def _alike(given: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes (width, height) have the same proportions, but for rounding."""
    (a, b), (c, d) = given, other
    return a == max(1, round(b * c / d)) or b == max(1, round(a * d / c))


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]} × {size[1]} pixels"


def _refusal(given: tuple[int, int], view: View, covers: str, name: str) -> str:
    known = []
    if view.size is not None and covers != SEEN:
        known.append(f"the picture has {_pixels(view.size)}")
    if view.size is not None and covers != PICTURE and view.seen != view.size:
        known.append(f"the part of it that is seen {_pixels(view.seen)}")
    if view.input_size is not None and covers != PICTURE:
        known.append(f"the model's input {_pixels((view.input_size[1], view.input_size[0]))}")
    there = ", ".join(known) or "its picture is known only as the model sees it"
    return f"The map of '{shown_name(name)}' has {_pixels(given)} and fits nothing: {there}."
