"""What models know of a study's pictures: how much they see of them, and their true classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from xai_core.classes import class_named, class_text
from xai_core.errors import ModelError
from xai_core.study.design import Design

Facts = Mapping[str, Any]  # of ``tasks.describe``
MOST_NAMED = 5  # pictures in a sentence
MOST_NEAR = 3
ALIKE = 0.8  # share of letters that two names have in common, as difflib counts them


def share_seen(facts: Iterable[Facts]) -> float:
    """Share of a picture's shorter side that every one of the models sees."""
    return min((float(about["crop"]) for about in facts), default=1.0)


def unknown_classes(design: Design, facts: Mapping[str, Facts]) -> list[str]:
    """For each model one sentence about pictures whose true class it does not know."""
    sentences: dict[str, str] = {}
    for condition in design.with_models:
        about = facts[condition.id]
        lost = [
            p for p in design.pictures if p.true_class and true_index(about, p.true_class) is None
        ]
        if lost:
            named = ", ".join(f"“{p.true_class}” ({p.name})" for p in lost[:MOST_NAMED])
            more = f" and {len(lost) - MOST_NAMED} more" if len(lost) > MOST_NAMED else ""
            sentences[about["fingerprint"]] = (
                f"The model {about['title']} does not know the true class of "
                f"{len(lost)} of the pictures, or knows several of that name: {named}{more}."
            )
    return list(sentences.values())


def near_misses(design: Design, facts: Iterable[Facts]) -> dict[str, tuple[str, ...]]:
    """True classes that no model has, with classes of the models that may be meant by them.

    Whether they are is for the researcher to say: until then a true class stays the text it is,
    and what is like no class at all is not among the keys.

    Args:
        design: the study.
        facts: of its models.
    """
    known = list(facts)
    found = {}
    for name in dict.fromkeys(picture.true_class for picture in design.pictures):
        if name and all(true_index(about, name) is None for about in known):
            near = [other for about in known for other in similar(name, about["class_names"])]
            if near:
                found[name] = tuple(dict.fromkeys(near))[:MOST_NEAR]
    return found


def similar(name: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """Classes that share all words with a name, or are written much alike; the most alike first.

    Args:
        name: that no class has, or several have.
        class_names: the model's.
    """
    return _similar(name, tuple(class_names))


@lru_cache(maxsize=1000)
def _similar(name: str, class_names: tuple[str, ...]) -> tuple[str, ...]:
    words, matcher = _words(name), SequenceMatcher(autojunk=False)
    matcher.set_seq2(name.casefold())  # what is known of the second is kept between comparisons
    found = []
    for index in range(len(class_names)):
        text = class_text(index, class_names)
        matcher.set_seq1(text.casefold())
        own = _words(text)
        shared = bool(words and own) and (words <= own or words >= own)
        if shared or (matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE):
            found.append((-matcher.ratio(), index, text))
    return tuple(text for _, _, text in sorted(found)[:MOST_NEAR])


def _words(name: str) -> set[str]:
    return set(re.findall(r"\w+", name.casefold()))


def true_index(about: Facts, name: str) -> int | None:
    """Index of a picture's true class among a model's; None if none, or several, have that name."""
    try:
        return class_named(name, about["class_names"])
    except ModelError:
        return None
