"""What every column of the exported tables means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import pandas as pd

from xai_core.study.analysis import codebook_results
from xai_core.study.design import ESCAPES, MEANINGS
from xai_core.study.storage.records import Records

T = TypeVar("T")

# Columns of the data: type, unit, meaning. A key with "table/" before it holds in that table alone.
DATA: dict[str, tuple[str, str, str]] = {
    "participant": ("integer", "", "Number of the participant within the version, from 1."),
    "position": ("integer", "", "Place of the trial among all of this participant's trials."),
    "kind": ("text", "", "What the trial or picture is for."),
    "image": ("text", "", "Id of the picture."),
    "picture": ("text", "", "Name of the picture, for researchers."),
    "name": ("text", "", "Name of the picture, for researchers."),
    "true_class": (
        "text",
        "",
        "What the picture shows, as the question names it; it may be a class that no network has.",
    ),
    "choice": ("text", "", "What was chosen: id of a condition, or an answer beside the heatmaps. "
               + " ".join(f"{name}: {text}" for name, text in MEANINGS.items())),
    "choice_title": ("text", "", "The same in words."),
    "answers/correct": (
        "boolean",
        "",
        "Whether the chosen condition's prediction is right; empty for escape answers.",
    ),
    "shown_position": (
        "integer",
        "",
        "Place of the chosen heatmap on the screen, from 0; empty for escape answers.",
    ),
    "arrangement": ("text", "", "Ids of the conditions in the order in which they were shown."),
    "served_at": ("text", "ISO 8601, UTC", "When the server first gave the trial out."),
    "answered_at": ("text", "ISO 8601, UTC", "When the server had stored the answer."),
    "duration_ms": (
        "integer",
        "milliseconds",
        "Time in the browser from all pictures being on the screen to the answer.",
    ),
    "focus_losses": ("integer", "", "How often another window came to the front."),
    "hidden_ms": ("integer", "milliseconds", "Time in which the page was not to be seen."),
    "passed": ("boolean", "", "Whether the check was passed; empty where nothing was checked."),
    "counted": ("boolean", "", "Whether the answer is part of the results (see settings, who)."),
    "source": ("text", "", "How the participant came: by the shared link, an invitation, or a "
               "recruiting platform."),
    "ending": ("text", "", "How it ended; empty while it has not."),
    "consented_at": ("text", "ISO 8601, UTC", "When the participant agreed to take part."),
    "background_at": ("text", "ISO 8601, UTC", "When the questions about oneself were answered."),
    "instructed_at": ("text", "ISO 8601, UTC", "When the instructions were left."),
    "practised_at": ("text", "ISO 8601, UTC", "When the practice was finished."),
    "ended_at": ("text", "ISO 8601, UTC", "When it ended."),
    "consent_version": ("integer", "", "Version of the text that was agreed to."),
    "checks": ("integer", "", "Checks that the participant answered."),
    "checks_failed": ("integer", "", "How many of them were not passed."),
    "answered": ("integer", "", "Real trials that the participant answered."),
    "median_seconds": ("number", "seconds", "Median time for a real trial."),
    "failed": ("boolean", "", "Whether more checks were failed than the design allows."),
    "hurried": ("boolean", "", "Whether half of the real trials took less than a second."),
    "predicted_class": ("text", "", "What the condition's network says the picture shows."),
    "probability": ("number", "0 to 1", "Softmax probability of that class."),
    "correct": (
        "boolean",
        "",
        "Whether that is the true class; never where the network does not have that class.",
    ),
    "sha256": ("text", "", "Hash of the picture's stored original."),
    "model": ("text", "", "Id of the condition: a network with a method and its settings."),
    "title": ("text", "", "Name for researchers, or the step in words."),
    "network": ("text", "JSON", "Which network was explained."),
    "method": ("text", "", "Id of the attribution method."),
    "settings": ("text", "JSON", "The method's settings."),
}  # fmt: skip
LEVELS: dict[str, tuple[str, ...]] = {
    "answers/kind": ("trial", "practice", "catch", "instructed"),
    "pictures/kind": ("trial", "practice", "catch"),
    "source": ("shared", "personal", "platform"),
    "ending": ("completed", "screened_out", "failed"),
}
PATTERNS = (
    (r"question_(.+)", "text", "", "Answer to: {text}"),
    (r"choice_(.+)", "text", "", "What was chosen for picture {name}; empty if not answered."),
    (r"seconds_(.+)", "number", "seconds", "Time for picture {name}; empty if not answered."),
    (r"votes_(.+)", "integer", "", "Votes for {name}."),
)


def columns(tables: Mapping[str, pd.DataFrame], records: Records) -> list[dict[str, Any]]:
    """Every column of every table.

    Args:
        tables: by file name without ending.
        records: what they were made from.

    Returns:
        Table, name, type, unit (or how values are written), meaning (one sentence) and levels
        (the values that there can be, where they are few) of each.
    """
    found = []
    for table, content in tables.items():
        for name in map(str, content.columns):
            kind, unit, meaning = _described(table, name, records)
            facts = {"table": table, "name": name, "type": kind, "unit": unit, "meaning": meaning}
            found.append({**facts, "levels": _levels(table, name, records)})
    return found


def as_markdown(tables: Mapping[str, pd.DataFrame], records: Records) -> str:
    """The codebook for people."""
    lines = ["# Codebook", "", "An empty cell means that there is no value."]
    for table, content in tables.items():
        lines += ["", f"## {table}", "", "| column | type | unit | meaning | values |"]
        lines += ["|---|---|---|---|---|"]
        for column in columns({table: content}, records):
            _, *cells, levels = column.values()
            lines.append("| " + " | ".join(map(_cell, (*cells, ", ".join(levels)))) + " |")
    return "\n".join(lines) + "\n"


def _looked_up(
    table: str, name: str, data: Mapping[str, T], results: Mapping[str, T], default: T
) -> T:
    """What is said of a table's column, or else of all columns with its name."""
    short = table.removeprefix("results/")
    books = (data,) if short == table else (results, data)
    keys = (f"{short}/{name}", name)
    return next((book[key] for key in keys for book in books if key in book), default)


def _described(table: str, name: str, records: Records) -> tuple[str, str, str]:
    known = _looked_up(table, name, DATA, codebook_results.COLUMNS, ("", "", ""))
    for pattern, kind, unit, meaning in PATTERNS if known == ("", "", "") else ():
        match = re.fullmatch(pattern, name)
        if match:
            return kind, unit, meaning.format(**_named(match[1], records))
    return known


def _named(own_id: str, records: Records) -> dict[str, str]:
    """What an id in a column's name stands for."""
    design = records.design
    names = {one.id: one.name for one in design.pictures}
    names |= {one.id: one.title for one in design.conditions} | ESCAPES
    texts = {one.id: one.text for one in design.background}
    return {"text": texts.get(own_id, own_id), "name": names.get(own_id, own_id)}


def _levels(table: str, name: str, records: Records) -> tuple[str, ...]:
    design = records.design
    conditions = tuple(one.id for one in design.conditions)
    if name in ("model", "other"):
        return conditions
    if name == "choice" or (table == "participants" and name.startswith("choice_")):
        return (*conditions, *ESCAPES)
    for question in design.background:
        if name == f"question_{question.id}":
            return question.offered or ()
    return _looked_up(table, name, LEVELS, codebook_results.LEVELS, ())


def _cell(text: str) -> str:
    """Text from outside within a markdown table, on one line and without marks or tags."""
    flat = re.sub(r"[\r\n]+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~$>-])", r"\\\1", flat)
