"""User studies with real participants: design, plan, store, taking part, analysis. No torch."""

from xai_core.study.design import (
    BACKGROUND,
    CANNOT_DISTINGUISH,
    ESCAPES,
    QUESTION,
    SAME,
    BackgroundQuestion,
    Condition,
    Consent,
    Design,
    Look,
    StudyPicture,
)
from xai_core.study.publishing import Prediction, Rendered
from xai_core.study.store import Store, open_store, shared_store
from xai_core.study.summaries import StudySummary, Version
from xai_core.study.taking_part import ClientTimes, Screen, ShownTrial, TakingPart, Ticket

__all__ = [
    "BACKGROUND",
    "BackgroundQuestion",
    "CANNOT_DISTINGUISH",
    "ClientTimes",
    "Condition",
    "Consent",
    "Design",
    "ESCAPES",
    "Look",
    "Prediction",
    "QUESTION",
    "Rendered",
    "SAME",
    "Screen",
    "ShownTrial",
    "Store",
    "StudyPicture",
    "StudySummary",
    "TakingPart",
    "Ticket",
    "Version",
    "open_store",
    "shared_store",
]
