"""Which classes of a model the names in annotations mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from xai_core.classes import classes_meant, listed_classes


@dataclass(frozen=True)
class Unknown:
    """A name that is no class's.

    Attributes:
        count: how often it was given.
        reason: a sentence.
    """

    count: int
    reason: str


class MatchedClasses(NamedTuple):
    """What names mean.

    Attributes:
        known: index of the class by the name.
        unknown: names whose class is not there, or could only be guessed.
    """

    known: dict[str, int]
    unknown: dict[str, Unknown]


def match_classes(names: Iterable[str | None], class_names: Sequence[str]) -> MatchedClasses:
    """Which classes of a model names of objects mean; nothing is guessed.

    A name is that of a class, one of ImageNet's other names for it, or its WordNet id
    (``classes.classes_meant``).

    Args:
        names: as annotations have them, one for each object; None counts for nothing.
        class_names: the model's.
    """
    found = MatchedClasses({}, {})
    for name, count in Counter(name for name in names if name is not None).items():
        meant = classes_meant(name, class_names)
        if len(meant) == 1:
            found.known[name] = meant[0]
        elif meant:
            several = listed_classes(meant, class_names)
            found.unknown[name] = Unknown(count, f"'{name}' could be several classes: {several}.")
        else:
            found.unknown[name] = Unknown(count, f"The model has no class '{name}'.")
    return found
