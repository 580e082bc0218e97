"""What is known of participants in one place: sent, stored or exported."""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from xai_core.files import FORMULA_STARTS
from xai_core.study.analysis.data_files import long_csv, wide_csv
from xai_core.study.storage.records import Records

QUESTION = "question_"  # how the columns of answers to background questions begin

# One answer: the picture, what was chosen, where it stood, what stood there, whether it counts.
Row = tuple[str, str, int | None, str, bool]


@dataclass
class Side:
    """What is known in one place.

    Attributes:
        participants: who consented.
        answers: participant → answers in order.
        background: (participant, question) → answer.
        ended: who came to an end.
    """

    participants: set[int] = field(default_factory=set)
    answers: dict[int, list[Row]] = field(default_factory=dict)
    background: dict[tuple[int, str], str] = field(default_factory=dict)
    ended: set[int] = field(default_factory=set)

    def counts(self) -> tuple[int, int, int, int]:
        """Numbers of participants, background answers, answers and ends."""
        answers = sum(map(len, self.answers.values()))
        return len(self.participants), len(self.background), answers, len(self.ended)


def stored(records: Records, whose: Collection[int]) -> Side:
    """What the database knows about some participants."""
    return _of_tables(records.participants, records.background, records.answers, whose)


def exported(records: Records, whose: Collection[int]) -> Side:
    """What a researcher reads about them: the files as they are written, read back."""
    people = _read(wide_csv(records))
    people["ending"] = people["ending"].where(people["ending"] != "")
    columns = {f"{QUESTION}{question.id}": question.id for question in records.design.background}
    said = people.rename(columns=columns).melt(
        id_vars="participant", value_vars=list(columns.values()), var_name="question"
    )
    return _of_tables(people, said[said["value"] != ""], _read(long_csv(records)), whose)


def _read(content: bytes) -> pd.DataFrame:
    table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    for name in ("participant", "position", "shown_position"):
        if name in table:
            table[name] = pd.to_numeric(table[name]).astype("Int64")
    return table.map(_unguarded)


def _unguarded(cell: Any) -> Any:
    """A cell without the apostrophe that keeps spreadsheets from taking it for a formula."""
    guards = tuple(f"'{start}" for start in FORMULA_STARTS)
    return cell[1:] if isinstance(cell, str) and cell.startswith(guards) else cell


def _of_tables(
    participants: pd.DataFrame,
    background: pd.DataFrame,
    answers: pd.DataFrame,
    whose: Collection[int],
) -> Side:
    """What is stored about some participants."""
    mine = participants[participants["participant"].isin(whose)]
    side = Side(participants={int(number) for number in mine["participant"]})
    side.ended = {int(number) for number in mine.loc[mine["ending"].notna(), "participant"]}
    for row in background[background["participant"].isin(whose)].to_dict("records"):
        side.background[int(row["participant"]), str(row["question"])] = str(row["value"])
    side.answers = _rows(answers, whose)
    return side


def _rows(answers: pd.DataFrame, whose: Collection[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {number: [] for number in whose}
    mine = answers[answers["participant"].isin(list(found))]
    for row in mine.sort_values(["participant", "position"]).to_dict("records"):
        found[int(row["participant"])].append(_row(row))
    return found


def _row(row: Mapping[Any, Any]) -> Row:
    place = None if pd.isna(row["shown_position"]) else int(row["shown_position"])
    practice = row["kind"] == "practice"
    return str(row["image"]), str(row["choice"]), place, str(row["arrangement"]), practice
