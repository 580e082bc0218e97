"""What was compared, so that it can be compared again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xai_core.class_sensitivity.pairs import TOP, TRUE
from xai_core.classes import class_word
from xai_core.explainers.choices import Choice, options, recorded
from xai_core.provenance import ModelFacts, Option, Run


def sensitivity_run(
    model: ModelFacts,
    choices: Sequence[Choice],
    pictures: Sequence[tuple[str, str]],
    *,
    measures: Sequence[str],
    classes: Sequence[int] = (),
    rule: str = TOP,
    joined: str = "",
    true: Sequence[int | None] = (),
    data: Sequence[Option] = (),
    folder: str = "",
) -> Run:
    """What repeats a table of scores.

    Args:
        model: the model.
        choices: the methods, with all their settings.
        pictures: name and hash of each.
        measures: of two maps.
        classes: that are compared in all pictures; none where a rule chooses them.
        rule: a word of ``pairs``, by which classes are chosen where none are given.
        joined: how the pictures are put together, a key of ``joined.ORDERS``; "" for not.
        true: index of the true class of each picture; None where it is not known.
        data: a data set as options of the command line; none for photos by name.
        folder: where photos are whose names do not say it.
    """
    named = [class_word(index, model.class_names) for index in classes]
    known = list(true) or [None] * len(pictures)
    facts = {
        "model": model.described(),
        "images": [
            {"name": name, "hash": digest, "true": index}
            for (name, digest), index in zip(pictures, known, strict=True)
        ],
        "methods": recorded(choices),
        "classes": named or rule,
        "joined": joined,
        "measures": list(measures),
    }
    words: list[Option] = [("--measures", ",".join(measures))]
    words += [("--class", name) for name in named]
    if rule in (TOP, TRUE) and not named:
        words.append(("--pair", rule))
    if joined:
        words.append(("--join", joined))
    if rule == TRUE and not data:
        words += model.classes("--true", known)
    names = [name for name, _ in pictures]
    photos = [str(Path(folder, name)) for name in names] if folder else names
    return Run(
        ("class-sensitivity",),
        facts,
        [*model.words(), *options(choices), *words, *data],
        [] if data else photos,
    )
