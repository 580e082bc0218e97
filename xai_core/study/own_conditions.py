"""Conditions of a study whose maps were computed elsewhere: no model, one stored file a picture."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from xai_core.errors import MapError
from xai_core.map_files import maps_in, picture_stem
from xai_core.own_maps import BY_SIZE, COVERS, OwnMaps, is_own, title_of
from xai_core.study.design import Condition, StudyPicture

MIME = "application/x-npy"
MAPS = "maps"  # the setting: hash of the stored file by the picture's name
MOST_NAMED = 5  # in a sentence


def condition_of(own: OwnMaps, name: str, keep: Callable[[bytes, str], str]) -> Condition:
    """A condition of these maps, which are kept with the study's pictures.

    Args:
        own: the maps.
        name: the condition's id.
        keep: stores a file of a type, and gives its hash.
    """
    files = {stem: keep(_npy(values), MIME) for stem, values in own.maps.items()}
    settings = {"signed": own.signed, "covers": own.covers, MAPS: files}
    return Condition(name, own.name, {}, own.id, settings)


def stored_maps(
    condition: Condition, pictures: Iterable[StudyPicture], original: Callable[[str], bytes]
) -> OwnMaps:
    """The maps of a condition for some pictures.

    Args:
        condition: one without a model.
        pictures: of the study.
        original: gives the stored file of a hash.

    Raises:
        MapError: what they cover is not known.
    """
    files = files_of(condition)
    found, problems = {}, {}
    for stem in {picture_stem(picture.name) for picture in pictures} & files.keys():
        # Checked again: a design may come from outside, and name any file that is kept.
        for _, values in maps_in(f"{stem}.npy", original(files[stem])):
            if isinstance(values, str):
                problems[stem] = values
            else:
                found[stem] = values
    covers = condition.settings.get("covers", BY_SIZE)
    if covers not in COVERS:
        raise MapError(f"Maps cannot cover '{covers}'; there are: {', '.join(COVERS)}.")
    return OwnMaps(title_of(condition.method), found, problems, covers)


def files_of(condition: Condition) -> dict[str, str]:
    """Hash of the stored file of every map, by the picture's name."""
    return named_files(condition.settings)


def named_files(settings: Any) -> dict[str, str]:
    """The same of a condition's settings, which may come from outside."""
    files = settings.get(MAPS) if isinstance(settings, dict) else None
    known = isinstance(files, dict) and all(isinstance(one, str) for one in files.values())
    return files if known and files is not None else {}


def lacking(condition: Condition, pictures: Iterable[StudyPicture]) -> Iterator[str]:
    """What keeps a condition without a model from being published, as sentences."""
    if not is_own(condition.method):
        yield f"The condition “{condition.title}” has no model, and no maps computed elsewhere."
        return
    there = files_of(condition)
    lost = [each.name for each in pictures if picture_stem(each.name) not in there]
    if lost:
        more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
        names = ", ".join(f"“{name}”" for name in lost[:MOST_NAMED])
        yield (
            f"The maps “{condition.title}” have none for {names}{more}; a map has the name of its "
            "picture."
        )


def _npy(values: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values, allow_pickle=False)
    return stream.getvalue()
