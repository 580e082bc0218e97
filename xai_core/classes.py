"""Classes by name and number: one rule for links, commands, folders and files. Needs no torch.

Names are compared in Unicode's composed form and without space around them, because a name that
looks the same should be the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from xai_core.errors import ModelError, UnknownClassError
from xai_core.imagenet import imagenet_classes, imagenet_synonyms

IMAGENET = 1000  # classes
MOST_LISTED = 8
# What ImageNet's classes of one name are; which of them a list of names has depends on the list.
_HINTS = {
    134: ("crane", "bird"),
    264: ("cardigan", "dog"),
    474: ("cardigan", "garment"),
    517: ("crane", "machine"),
    638: ("maillot", "tights"),
    639: ("maillot", "swimsuit"),
}
_NUMBER = re.compile(r"[0-9]{1,9}")
_NUMBERED = re.compile(r"#?([0-9]{1,9})(?:-(.*))?", re.DOTALL)


class FolderClasses(NamedTuple):
    """What the folders of a data set are called after.

    Attributes:
        known: index of the class by the folder's name.
        unknown: folders that no class is called like.
        problems: sentences about folders whose class could only be guessed.
    """

    known: dict[str, int]
    unknown: list[str]
    problems: list[str]


class _Names(NamedTuple):
    """Indices by name as it stands, by name in any case, and by title."""

    exact: dict[str, list[int]]
    loose: dict[str, list[int]]
    titles: dict[str, list[int]]


def class_titles(class_names: Sequence[str]) -> tuple[str, ...]:
    """What people read of each class: its name, and more where several have that name.

    Names that differ in nothing but case are told apart too: "cardigan (garment) #474".
    """
    return _titles(tuple(class_names))


def class_word(index: int, class_names: Sequence[str]) -> str:
    """A class in links and commands: its index with its name, "474-cardigan"."""
    return f"{index}-{class_names[index]}"


def class_text(index: int, class_names: Sequence[str]) -> str:
    """The class's name where that names it alone, as it stands; else its title."""
    alone = len(_read(tuple(class_names)).exact[_plain(class_names[index])]) == 1
    return class_names[index] if alone else class_titles(class_names)[index]


def class_index(word: str, class_names: Sequence[str]) -> int:
    """Index of the class that a word means.

    A word is an index with the class's name ("474-cardigan", as ``class_word`` writes it), which
    comes first; an index alone ("#474", or "474" unless that is also another class's name); or
    a name or WordNet id, see ``class_named``.

    Args:
        word: from a link, a command or a form.
        class_names: the model's.

    Raises:
        UnknownClassError: there is no such class.
        ModelError: several could be meant; the sentence lists them.
    """
    wanted = _plain(word)
    parts = _NUMBERED.fullmatch(wanted)
    number = int(parts[1]) if parts and int(parts[1]) < len(class_names) else None
    if number is not None and parts is not None and parts[2] is not None:
        if _plain(parts[2]) == _plain(class_names[number]):
            return number
    elif number is not None and wanted.startswith("#"):
        same = _read(tuple(class_names)).exact.get(wanted, [])
        return _only([number, *same], word, class_names)
    elif number is not None:
        return _only([number, *_by_name(wanted, class_names)], word, class_names)
    found = _by_name(wanted, class_names)
    if not found and number is not None:
        raise UnknownClassError(
            f"The model has no class '{word}': number {number} is '{class_names[number]}'."
        )
    return _only(found, word, class_names)


def class_named(name: str, class_names: Sequence[str]) -> int:
    """Index of the class of that name.

    A name as it stands comes first; in other case it will do where one class alone has it. A
    WordNet id of ImageNet's means the class that has ImageNet's name for it.

    Args:
        name: the name, one of ``class_titles``, or a WordNet id such as "n02123045".
        class_names: the model's.

    Raises:
        UnknownClassError: there is no such class.
        ModelError: several have that name; the sentence lists them.
    """
    return _only(_by_name(_plain(name), class_names), name, class_names)


def folder_classes(
    folders: Iterable[str], class_names: Sequence[str], *, numbered: bool = True
) -> FolderClasses:
    """Which classes the folders of a data set are called after.

    A folder has the name of its class, or its number, as ``class_index`` reads them. Where
    classes have numbers for names, a number is a name.

    Args:
        folders: their names.
        class_names: the model's, or those of several models.
        numbered: whether a folder may have its class's number.
    """
    names = any(_NUMBER.fullmatch(_plain(name)) for name in class_names)
    read: Callable[[str, Sequence[str]], int]
    read = class_index if numbered and not names else class_named
    found = FolderClasses({}, [], [])
    for folder in dict.fromkeys(folders):
        try:
            found.known[folder] = read(folder, class_names)
        except UnknownClassError:
            found.unknown.append(folder)
        except ModelError as error:
            found.problems.append(str(error))
    by_class: dict[int, list[str]] = {}
    for folder, index in found.known.items():
        by_class.setdefault(index, []).append(folder)
    for index, same in by_class.items():
        if len(same) > 1:
            found.problems.append(
                f"Several folders could be the class {listed_classes([index], class_names)}: "
                f"{', '.join(map(repr, same))}. Rename or merge them."
            )
            for folder in same:
                del found.known[folder]
    return found


def classes_meant(name: str, class_names: Sequence[str]) -> list[int]:
    """Indices of all classes that a data set's name of an object could mean; none if unknown.

    The class of that name, as ``class_named`` finds it, comes first. Otherwise it is every class
    that is one of ImageNet's and for which WordNet has that name or id too.

    Args:
        name: such as "Tinca tinca" or "n01440764".
        class_names: the model's. They are ImageNet's where they are names that it has here,
            WordNet ids, or all names of a class with commas between.
    """
    found = _by_name(_plain(name), class_names)
    return sorted(set(found)) or _synonyms(tuple(class_names)).get(_loose(name), [])


def listed_classes(indices: Iterable[int], class_names: Sequence[str]) -> str:
    """Classes in a sentence, each with its number; of many the first."""
    titles, shown = class_titles(class_names), list(indices)
    parts = [
        title if (title := titles[index]).endswith(f" #{index}") else f"{title} #{index}"
        for index in shown[:MOST_LISTED]
    ]
    more = len(shown) - len(parts)
    return ", ".join(parts) + (f" and {more} more" if more else "")


def names_in(text: str) -> list[str]:
    """Class names, one a line, without empty lines, space around them or a byte-order mark."""
    lines = re.split(r"\r\n|\r|\n", text)
    return [name for line in lines if (name := line.strip().strip("\ufeff").strip())]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _loose(name: str) -> str:
    # Case folding may take a composed form apart.
    return unicodedata.normalize("NFC", _plain(name).casefold())


def _by_name(wanted: str, class_names: Sequence[str]) -> list[int]:
    names = _read(tuple(class_names))
    for known, key in ((names.exact, wanted), (names.titles, wanted)):
        if key in known:
            return known[key]
    if wanted in imagenet_classes():
        return names.exact.get(_plain(imagenet_classes()[wanted]), [])
    return names.loose.get(_loose(wanted), [])


def _only(found: Sequence[int], word: str, class_names: Sequence[str]) -> int:
    distinct = sorted(set(found))
    if not distinct:
        raise UnknownClassError(f"The model has no class '{word}'.")
    if len(distinct) > 1:
        several = listed_classes(distinct, class_names)
        first = class_word(distinct[0], class_names)
        raise ModelError(
            f"'{word}' could be several classes: {several}. Say which by number and name, as in "
            f"'{first}'."
        )
    return distinct[0]


@lru_cache(maxsize=64)
def _read(class_names: tuple[str, ...]) -> _Names:
    return _Names(
        _grouped(class_names, _plain),
        _grouped(class_names, _loose),
        _grouped(_titles(class_names), _plain),
    )


@lru_cache(maxsize=64)
def _synonyms(class_names: tuple[str, ...]) -> dict[str, list[int]]:
    """Indices by all names and ids of those classes that are ImageNet's, in lower case."""
    ids = {_plain(name): wnid for wnid, name in imagenet_classes().items()}
    ids |= {", ".join(names): wnid for wnid, names in imagenet_synonyms().items()}
    ids |= {wnid: wnid for wnid in imagenet_classes()}
    found: dict[str, list[int]] = {}
    for index, name in enumerate(class_names):
        if wnid := ids.get(_plain(name)):
            for same in {_loose(word) for word in (wnid, *imagenet_synonyms()[wnid])}:
                found.setdefault(same, []).append(index)
    return found


@lru_cache(maxsize=64)
def _titles(class_names: tuple[str, ...]) -> tuple[str, ...]:
    same = _grouped(class_names, _loose)
    titles = []
    for index, name in enumerate(class_names):
        if len(same[_loose(name)]) == 1:
            titles.append(name)
            continue
        meant, hint = _HINTS.get(index, ("", ""))
        known = len(class_names) == IMAGENET and _loose(name) == meant
        titles.append(f"{name} ({hint}) #{index}" if known else f"{name} #{index}")
    return tuple(titles)


def _grouped(names: Sequence[str], key: Callable[[str], str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        found.setdefault(key(name), []).append(index)
    return found
