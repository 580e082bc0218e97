"""New pictures of a study: read, kept as originals, and put into the draft."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from pages.components.study.design.drafts import Draft, begin_anew
from xai_core.classes import folder_classes
from xai_core.errors import XaiError
from xai_core.images import read_image, shown_name
from xai_core.study import shared_store
from xai_core.study.design import Design, StudyPicture
from xai_core.study.field_of_view import original_png

MOST = 500
MOST_SAID = 8
LEFT_OUT = "_study_left_out"  # in the session: a study, and sentences about its latest files


@dataclass
class Found:
    """New pictures.

    Attributes:
        pictures: name, stored original and true class ("" if it is not known) of each.
        refused: why files were left out.
    """

    pictures: list[tuple[str, str, str]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


def add(draft: Draft, found: Found) -> None:
    """Add pictures that are not there yet, and begin again with what was left out."""
    design, refused = joined(draft.design, found)
    if len(refused) > MOST_SAID:
        refused = [*refused[:MOST_SAID], f"{len(refused) - MOST_SAID} more were left out."]
    st.session_state[LEFT_OUT] = (draft.slug, refused)
    begin_anew(draft, design)


def with_pictures(design: Design, pictures: Sequence[StudyPicture]) -> Design:
    """The design with these pictures, and with as many trials as they allow.

    Until somebody chooses another number of trials, everybody judges every picture.
    """
    made = replace(design, pictures=tuple(pictures))
    before, after = len(design.of_kind("trial")), len(made.of_kind("trial"))
    trials = after if design.trials >= before else min(max(design.trials, 1), after)
    catches = min(design.catch_trials, len(made.of_kind("catch")))
    return replace(made, trials=trials, catch_trials=catches)


def stored(files: Iterable[tuple[str, bytes, str]]) -> Found:
    """Files kept as originals; unreadable ones are named and left out.

    Args:
        files: name, content and true class of each.
    """
    found = Found()
    for name, content, true in files:
        try:
            original = original_png(read_image(content, name))
            asset = shared_store().keep_asset(original, "image/png")
        except XaiError as error:
            found.refused.append(str(error))
            continue
        found.pictures.append((shown_name(name), asset, true))
    return found


def true_classes(
    names: Sequence[str], classes: Sequence[str] | None
) -> tuple[dict[str, str], Sequence[str]]:
    """The class that each folder's name means, and what is wrong with the others.

    Args:
        names: of folders; what no class is called like is a class in the researcher's words.
        classes: of the models; None where there is no model.
    """
    named = [name for name in names if name]
    if classes is None:
        return dict(zip(named, named, strict=True)), ()
    folders = folder_classes(named, classes, numbered=False)
    known = {name: classes[place] for name, place in folders.known.items()}
    return known | {name: name for name in folders.unknown}, folders.problems


def left_out(draft: Draft) -> list[str]:
    """Why some of the latest files were left out."""
    slug, refused = st.session_state.get(LEFT_OUT, ("", []))
    return refused if slug == draft.slug else []


def joined(design: Design, found: Found) -> tuple[Design, list[str]]:
    """The design with the new pictures, and what was left out."""
    pictures, refused = list(design.pictures), list(found.refused)
    there = {picture.asset: picture.name for picture in pictures}
    number = max((int(each.id[1:]) for each in pictures if each.id[1:].isdigit()), default=0)
    for name, asset, true in found.pictures:
        if asset in there:
            refused.append(f"'{name}' is the same picture as '{there[asset]}' and is left out.")
        elif len(pictures) >= MOST:
            refused.append(f"'{name}' is left out: a study has at most {MOST} pictures.")
        else:
            number += 1
            there[asset] = name
            pictures.append(StudyPicture(f"p{number}", name, asset, true))
    return with_pictures(design, pictures), refused
