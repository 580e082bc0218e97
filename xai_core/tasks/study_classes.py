"""What models know of a study's pictures: how much they see of them, and their true classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from xai_core.classes import class_named
from xai_core.errors import ModelError
from xai_core.study.design import Design

Facts = Mapping[str, Any]  # of ``tasks.describe``
MOST_NAMED = 5  # pictures in a sentence


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


def true_index(about: Facts, name: str) -> int | None:
    """Index of a picture's true class among a model's; None if none, or several, have that name."""
    try:
        return class_named(name, about["class_names"])
    except ModelError:
        return None
