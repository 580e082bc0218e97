"""The table of measures, complete: every module that has some is imported here."""

from __future__ import annotations

from xai_core import complexity, localization, similarity  # noqa: F401
from xai_core.apem import scores  # noqa: F401
from xai_core.measure_registry import (
    MEASURES,
    Measure,
    Needs,
    check_measures,
    measures_of,
    titles_of,
)

__all__ = ["MEASURES", "Measure", "Needs", "check_measures", "measures_of", "titles_of"]
