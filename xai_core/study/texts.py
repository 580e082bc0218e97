"""Texts from outside: which every database can keep, which are numbers, which are moments."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from xai_core.errors import StudyError


def storable(text: str) -> bool:
    """Whether every database can keep the text: no NUL, and no half of a character."""
    return "\0" not in text and not re.search("[\ud800-\udfff]", text)


def is_number(text: str) -> bool:
    """Whether the text is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def moment(text: str) -> datetime:
    """A moment in UTC from its ISO form; without an offset it is taken as UTC.

    Raises:
        StudyError: it is none.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise StudyError(
            f"“{text[:40]}” is not a date and time such as 2030-01-31T12:00."
        ) from None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
