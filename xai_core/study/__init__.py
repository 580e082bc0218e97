"""User studies with real participants: design, plan, store, taking part, analysis. No torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from xai_core.study.participation.screens import ClientTimes, Screen, ShownTrial, Ticket
from xai_core.study.participation.taking_part import TakingPart
from xai_core.study.storage.publishing import Prediction, Rendered
from xai_core.study.storage.store import Store, open_store, shared_store
from xai_core.study.storage.summaries import Study, Version

if TYPE_CHECKING:
    from xai_core.study.analysis.cases import case_table

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
    "Study",
    "TakingPart",
    "Ticket",
    "Version",
    "case_table",
    "open_store",
    "shared_store",
]


def __getattr__(name: str) -> Any:
    """Imported when it is asked for: the participants' page needs neither it nor its tables."""
    if name != "case_table":
        raise AttributeError(f"There is no {name} in {__name__}.")
    from xai_core.study.analysis.cases import case_table

    return case_table
