"""What every column of the exported tables means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from xai_core.study.analysis import codebook_results
from xai_core.study.design import ESCAPES
from xai_core.study.storage.records import Records

# Columns of the data: type, unit, meaning. A key with "table/" before it holds in that table alone.
DATA: dict[str, tuple[str, str, str]] = {
    "participant": ("integer", "", "Number of the participant within the version, from 1."),
    "position": ("integer", "", "Place of the trial among all of this participant's trials."),
    "kind": ("text", "", "What the trial or picture is for."),
    "image": ("text", "", "Id of the picture."),
    "picture": ("text", "", "Name of the picture, for researchers."),
    "pictures/name": ("text", "", "Name of the picture, for researchers."),
    "true_class": ("text", "", "What the picture shows; the question asks for it."),
    "choice": ("text", "", "What was chosen: id of a condition, or an escape answer."),
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
    "answers/focus_losses": ("integer", "", "How often another window came to the front."),
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
    "correct": ("boolean", "", "Whether that is the true class."),
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


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        table: its file's name without ending.
        name: in the table.
        type: of its values.
        unit: of its values, or how they are written.
        meaning: one sentence.
        levels: the values that there can be, where they are few.
    """

    table: str
    name: str
    type: str
    unit: str
    meaning: str
    levels: tuple[str, ...]


def columns(tables: Mapping[str, pd.DataFrame], records: Records) -> list[Column]:
    """Every column of every table.

    Args:
        tables: by file name without ending.
        records: what they were made from.
    """
    found = []
    for table, content in tables.items():
        for name in map(str, content.columns):
            kind, unit, meaning = _described(table, name, records)
            levels = _levels(table, name, records)
            found.append(Column(table, name, kind, unit, meaning, levels))
    return found


def as_json(tables: Mapping[str, pd.DataFrame], records: Records) -> list[dict[str, Any]]:
    """The codebook as a list of dictionaries, one a column."""
    return [asdict(column) for column in columns(tables, records)]


def as_markdown(tables: Mapping[str, pd.DataFrame], records: Records) -> str:
    """The codebook for people."""
    lines = ["# Codebook", "", "An empty cell means that there is no value."]
    found = columns(tables, records)
    for table in tables:
        lines += ["", f"## {table}", "", "| column | type | unit | meaning | values |"]
        lines += ["|---|---|---|---|---|"]
        for column in found:
            if column.table == table:
                cells = (column.name, column.type, column.unit, column.meaning)
                values = ", ".join(column.levels)
                lines.append("| " + " | ".join(map(_cell, (*cells, values))) + " |")
    return "\n".join(lines) + "\n"


def _described(table: str, name: str, records: Records) -> tuple[str, str, str]:
    own = codebook_results.COLUMNS if table.startswith("results/") else DATA
    short = table.removeprefix("results/")
    for key in (f"{short}/{name}", name):
        for book in (own, DATA):
            if key in book:
                return book[key]
    for pattern, kind, unit, meaning in PATTERNS:
        match = re.fullmatch(pattern, name)
        if match:
            return kind, unit, meaning.format(**_named(match[1], records))
    return "", "", ""


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
            return ("yes", "no") if question.kind == "yes_no" else question.choices
    short = table.removeprefix("results/")
    of_results = codebook_results.LEVELS if short != table else {}
    for book in (of_results, LEVELS):
        for key in (f"{short}/{name}", name):
            if key in book:
                return book[key]
    return ()


def _cell(text: str) -> str:
    """Text from outside within a markdown table, on one line and without marks or tags."""
    flat = re.sub(r"[\r\n]+", " ", text).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_{}\[\]()#+!|~$>-])", r"\\\1", flat)
