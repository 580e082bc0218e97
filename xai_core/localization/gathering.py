"""Pictures with the objects of the class that is explained, and what is left out and why.

An object whose annotation names no class belongs to whichever class is explained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from PIL import Image

from xai_core.annotations import Annotation, Region, match_classes, of_picture
from xai_core.composites import Size
from xai_core.datasets import AnnotatedPicture, AnnotatedSet
from xai_core.decoding import Stored
from xai_core.errors import DataError, ImageError
from xai_core.images import SAMPLE, read_source
from xai_core.localization.objects import Objects, seen_objects

ANNOTATED, PREDICTED = "annotated", "predicted"
CHUNK = 16  # pictures that are in memory together

NOTHING = "Its annotation marks nothing."
NO_CLASS = "None of its objects is of a class that the model has."
OTHER_CLASS = "No object of the predicted class is marked."
CUT_OFF = "The crop cuts off its objects."
TOO_SMALL = "Its objects are smaller than a pixel of the model's input."
NO_ANNOTATION = "It has no annotation, or one that could be another picture's."
NO_PICTURE = "It belongs to no picture, or could belong to several."

Predict = Callable[[Sequence[Image.Image]], Sequence[int]]


@dataclass(frozen=True)
class Rule:
    """Which class of a picture is explained, and how a model sees its objects.

    Attributes:
        class_names: the model's.
        input_size: (height, width) of its input.
        crop: as in ``images.model_input``.
        squash: likewise.
        explain: "annotated" for the class of the annotation, or "predicted".
        meant: index of the class that a name in annotations means, beside those that
            ``match_classes`` finds.
        unnamed: index of the class of objects that have no name; None for that of the picture's
            folder, or else the predicted one.
    """

    class_names: Sequence[str]
    input_size: Size
    crop: float
    squash: bool = False
    explain: str = ANNOTATED
    meant: Mapping[str, int] = field(default_factory=dict)
    unnamed: int | None = None


@dataclass(frozen=True, eq=False)
class Gathered:
    """A picture, and where the model should look.

    Attributes:
        name: path of its file, or sample:NAME.
        image: RGB.
        target: index of the class that is explained.
        objects: of that class.
    """

    name: str
    image: Image.Image
    target: int
    objects: Objects


@dataclass
class LeftOut:
    """What is left out.

    Attributes:
        reasons: a sentence by the name of a picture, or of an annotation without one.
        names: how many objects have each name that means no class of the model, by the sentence
            that says why.
        more: pictures that nobody looked at, because there were enough.
    """

    reasons: dict[str, str] = field(default_factory=dict)
    names: Counter[tuple[str, str]] = field(default_factory=Counter)
    more: int = 0

    def table(self) -> pd.DataFrame:
        """Columns image, name, count (of objects, or of pictures) and reason."""
        rows: list[tuple[str, str, int, str]] = [
            ("", name, count, reason) for (name, reason), count in self.names.most_common()
        ]
        rows += [(image, "", 1, reason) for image, reason in self.reasons.items()]
        if self.more:
            rows.append(("", "", self.more, "No more pictures were asked for."))
        return pd.DataFrame(rows, columns=["image", "name", "count", "reason"])


def in_turn(found: AnnotatedSet, left_out: LeftOut) -> list[AnnotatedPicture]:
    """The pictures of a data set, of all its classes in turn, so that the first are of many.

    Args:
        found: the data set.
        left_out: here go pictures without annotations, and annotations without pictures.
    """
    left_out.reasons |= {str(path): NO_ANNOTATION for path in found.without}
    left_out.reasons |= dict.fromkeys(found.lost, NO_PICTURE)
    seen: Counter[str | None] = Counter()
    rounds = []
    for picture in found.pictures:
        rounds.append(seen[picture.class_name])
        seen[picture.class_name] += 1
    order = sorted(range(len(rounds)), key=rounds.__getitem__)
    return [found.pictures[place] for place in order]


def gathered(
    pictures: Sequence[AnnotatedPicture],
    rule: Rule,
    predict: Predict,
    left_out: LeftOut,
    most: int | None = None,
) -> Iterator[Gathered]:
    """Pictures one after the other; a few of them are in memory.

    Args:
        pictures: in their order; one whose path is sample:NAME is a sample.
        rule: which class is explained.
        predict: gives the classes that the model says of pictures.
        left_out: here goes what is left out.
        most: no more pictures than these; None for all.
    """
    count = looked = 0
    for start in range(0, len(pictures), CHUNK):
        if count == most:
            break
        chunk = [_opened(picture) for picture in pictures[start : start + CHUNK]]
        asked = [k for k, one in enumerate(chunk) if _needs_prediction(one, rule)]
        said = dict(zip(asked, predict([chunk[k].image for k in asked]), strict=True))
        for k, one in enumerate(chunk):
            if count == most:
                break
            looked += 1
            found = one.problem or _chosen(one, rule, said.get(k), left_out)
            if isinstance(found, str):
                left_out.reasons[one.name] = found
            else:
                count += 1
                yield found
    left_out.more = len(pictures) - looked


@dataclass(frozen=True, eq=False)
class _Opened:
    """A picture that was read, or could not be.

    Attributes:
        name: path of its file, or sample:NAME.
        folder: the class that its folder or table names; None if none.
        image: RGB; of one pixel where it could not be read.
        regions: of its annotation, in its pixels.
        problem: why it could not be read, or "".
    """

    name: str
    folder: str | None
    image: Image.Image
    regions: Sequence[Region] = ()
    problem: str = ""


def _opened(picture: AnnotatedPicture) -> _Opened:
    name = str(picture.path)
    try:
        image, annotation = _read(picture)
    except (ImageError, DataError) as error:
        return _Opened(name, None, Image.new("RGB", (1, 1)), problem=str(error))
    return _Opened(name, picture.class_name, image, annotation.regions)


def _read(picture: AnnotatedPicture) -> tuple[Image.Image, Annotation]:
    name = str(picture.path)
    if not name.startswith(SAMPLE):
        return picture.open()
    image = read_source(name)
    file = Stored(image.size, 1)
    return image, of_picture(picture.source.read(), file, image.size, name)


def _needs_prediction(one: _Opened, rule: Rule) -> bool:
    if rule.explain == PREDICTED:
        return not one.problem
    return any(region.name is None for region in one.regions) and _told(one, rule) is None


def _told(one: _Opened, rule: Rule) -> int | None:
    """The class of objects without a name, as far as it is told."""
    if rule.unnamed is not None:
        return rule.unnamed
    return _known([one.folder], rule, LeftOut()).get(one.folder or "")


def _chosen(one: _Opened, rule: Rule, predicted: int | None, left_out: LeftOut) -> Gathered | str:
    """The objects of the class that is explained, or why there are none."""
    if not one.regions:
        return NOTHING
    known = _known([region.name for region in one.regions], rule, left_out)
    own = _told(one, rule) if predicted is None else predicted
    groups: dict[int, list[Region]] = {}
    for region in one.regions:
        index = own if region.name is None else known.get(region.name)
        if index is not None:
            groups.setdefault(index, []).append(region)
    if rule.explain == PREDICTED:
        groups = {index: group for index, group in groups.items() if index == predicted}
    if not groups:
        return OTHER_CLASS if rule.explain == PREDICTED else NO_CLASS
    return _largest(one, rule, groups)


def _largest(one: _Opened, rule: Rule, groups: Mapping[int, Sequence[Region]]) -> Gathered | str:
    """The class of the picture's folder if it is one of these, else that which fills most."""
    places = {
        index: seen_objects(group, one.image.size, rule.input_size, rule.crop, rule.squash)
        for index, group in groups.items()
    }
    own = _known([one.folder], rule, LeftOut()).get(one.folder or "")
    target = own if own in places else max(places, key=lambda index: places[index].size)
    objects = places[target]
    if not objects.mask.any():
        return CUT_OFF if objects.cut == 1 else TOO_SMALL
    return Gathered(one.name, one.image, target, objects)


def _known(names: Iterable[str | None], rule: Rule, left_out: LeftOut) -> dict[str, int]:
    """Classes by the names of objects; what other names are is noted."""
    rest = [name for name in names if name not in rule.meant]
    found = match_classes(rest, rule.class_names)
    for name, unknown in found.unknown.items():
        left_out.names[name, unknown.reason] += unknown.count
    return {**found.known, **rule.meant}
