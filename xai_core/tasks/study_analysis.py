"""The results of a user study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xai_core.cache import Result, content_key
from xai_core.jobs import Task
from xai_core.study.analysis import results as analysis
from xai_core.study.analysis.results import Settings
from xai_core.study.storage.records import Records


def study_results(study: str, records: Records, as_of: Sequence[int], settings: Settings) -> Task:
    """The results of a version of a study.

    They are never kept on the disk, where a participant who withdraws would stay.

    Args:
        study: its name in addresses.
        records: of the version.
        as_of: numbers that change whenever the records do (``study.pulse``).
        settings: what the researcher decides.
    """
    key = content_key("study-results", study, records.version, list(as_of), settings.to_json())
    arguments = {"records": records, "settings": settings.to_json()}
    cost = 1.0 + len(records.answers)
    return Task(key, run_study_results, arguments, cost, "Analysing the answers", kept=False)


def run_study_results(records: Records, settings: dict[str, Any]) -> Result:
    """As facts ``Results.to_json``, by keywords of ``Settings``."""
    return Result(facts=analysis.analyse(records, analysis.Settings(**settings)).to_json())
