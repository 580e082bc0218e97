"""Baselines as columns among the methods."""

from __future__ import annotations

from xai_core.explainers.choices import column_title
from xai_core.localization.baselines import BASELINES

PREFIX = "baseline:"  # a method may have a baseline's name
BASELINE_COLUMNS = tuple(f"{PREFIX}{name}" for name in BASELINES)


def is_baseline(column: str) -> bool:
    """Whether a column is a baseline, and no method."""
    return column.startswith(PREFIX)


def baseline_of(column: str) -> str:
    """The key of ``BASELINES`` of such a column."""
    return column.removeprefix(PREFIX)


def localized_title(column: str) -> str:
    """What people read of a method or a baseline."""
    if is_baseline(column):
        return f"{BASELINES[baseline_of(column)].title} (baseline)"
    return column_title(column)
