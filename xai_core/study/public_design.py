"""The part of a design that participants may see."""

from __future__ import annotations

from dataclasses import dataclass, replace

from xai_core.study.design import BackgroundQuestion, Consent, Design


@dataclass(frozen=True)
class PublicDesign:
    """The part of a design that participants may see.

    Attributes:
        title: of the study.
        question: with "{class}" in it.
        instructions: before the first trial.
        consent: what they agree to.
        background: questions about them, without what screens out.
        trials: how many they will see, without practice.
        practice: how many come before to practise.
        side: of every picture, in pixels.
    """

    title: str
    question: str
    instructions: str
    consent: Consent
    background: tuple[BackgroundQuestion, ...]
    trials: int
    practice: int
    side: int


def public(design: Design) -> PublicDesign:
    """What participants may see of a design."""
    return PublicDesign(
        title=design.title,
        question=design.question,
        instructions=design.instructions,
        consent=design.consent,
        background=tuple(replace(each, screens_out=()) for each in design.background),
        trials=design.trials + design.catch_trials + design.instructed_trials,
        practice=len(design.of_kind("practice")),
        side=design.look.side,
    )
