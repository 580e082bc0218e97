"""What the page must know of the compared models before it can show or draw anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pages.components.live import finished
from pages.components.work import gather
from xai_core import tasks
from xai_core.classes import class_text, class_titles
from xai_core.jobs import Task, shared_engine
from xai_core.study.design import Design

PURPOSE = "study-models"


def known(design: Design) -> dict[str, Mapping[str, Any]]:
    """Facts (``tasks.describe``) of the models that were loaded before, by condition."""
    cache = shared_engine().cache
    found: dict[str, Mapping[str, Any]] = {}
    for name, task in _tasks(design).items():
        facts = cache.facts(task.key)
        if facts is not None:
            found[name] = facts
    return found


def wait(design: Design) -> dict[str, Mapping[str, Any]] | None:
    """Facts of all models by condition; None, with progress or a problem shown, until then."""
    asked = _tasks(design)
    work = gather(PURPOSE, list({task.key: task for task in asked.values()}.values()), patience=1.5)
    if not finished(work, list(asked.values()), "Loading the models"):
        return None
    return {name: work.results[task.key].facts for name, task in asked.items()}


def class_names(facts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What names each class that any of the models knows, with what researchers read of it.

    What differs in case alone is one class, unless one model has both.
    """
    found: dict[str, str] = {}
    known: set[str] = set()
    for about in facts:
        names = about["class_names"]
        for index, title in enumerate(class_titles(names)):
            loose = title.strip().casefold()
            if loose not in known:
                known |= {loose, names[index].strip().casefold()}
                found[class_text(index, names)] = title
    return found


def distinct(design: Design) -> list[str]:
    """The first condition of each model."""
    found: dict[str, str] = {}
    for condition in design.with_models:
        found.setdefault(json.dumps(condition.model, sort_keys=True), condition.id)
    return list(found.values())


def model_title(model: Mapping[str, Any]) -> str:
    """What people read of a model: its id, or the name of its file."""
    return str(model.get("source", "")).replace("\\", "/").rsplit("/", 1)[-1]


def _tasks(design: Design) -> dict[str, Task]:
    return {condition.id: tasks.describe(condition.model) for condition in design.with_models}
