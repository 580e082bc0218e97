"""Everything of a version as tables, for the analysis and for export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, Select, and_, select

from xai_core.errors import StudyError
from xai_core.study.design import Design
from xai_core.study.storage.publishing import PREVIEW
from xai_core.study.storage.schema import (
    answer,
    background,
    participant,
    prediction,
    study,
    trial,
    version,
)
from xai_core.study.trial_plan import passed

_MOMENTS = ("consented_at", "background_at", "instructed_at", "practised_at", "ended_at")
_PERSON = ("participant", "source", "ending", *_MOMENTS, "consent_version")
_ANSWER = (
    "participant",
    "position",
    "kind",
    "image",
    "true_class",
    "choice",
    "shown_position",
    "arrangement",
    "served_at",
    "answered_at",
    "duration_ms",
    "focus_losses",
    "hidden_ms",
    "passed",
)


@dataclass(frozen=True)
class Records:
    """A version's tables; participants are numbers, and their ids elsewhere are not in here.

    Attributes:
        design: what was frozen.
        version: its number; 0 is the preview.
        visits: newcomers who saw the consent.
        declined: newcomers who declined.
        participants: participant, source, ending, the moments of each step, consent_version,
            checks_failed, checks (answered ones), answered (trials that count).
        background: participant, question, value.
        answers: one row per answer, see the columns; the arrangement is "c2 c1".
        predictions: image, model, predicted_class, probability, correct.
    """

    design: Design
    version: int
    visits: int
    declined: int
    participants: pd.DataFrame
    background: pd.DataFrame
    answers: pd.DataFrame
    predictions: pd.DataFrame


def read_records(connection: Connection, slug: str, number: int | None) -> Records:
    """Tables of a version, the newest published one for None.

    Raises:
        StudyError: there is no such study or version.
    """
    row = _version(connection, slug, number)
    design = Design.from_json(row.design)
    answers = _answers(connection, row.id, design)
    return Records(
        design=design,
        version=row.number,
        visits=row.visits,
        declined=row.declined,
        participants=_participants(connection, row.id, answers),
        background=_table(
            connection,
            select(
                participant.c.number.label("participant"),
                background.c.question_id.label("question"),
                background.c.value,
            )
            .select_from(background.join(participant))
            .where(participant.c.version_id == row.id)
            .order_by(participant.c.number, background.c.question_id),
        ).astype({"participant": "int64", "question": "str", "value": "str"}),
        answers=answers,
        predictions=_predictions(connection, row.id),
    )


def _version(connection: Connection, slug: str, number: int | None) -> Row[Any]:
    wanted = (
        select(version)
        .join(study)
        .where(study.c.slug == slug)
        .order_by(version.c.number.desc())
        .limit(1)
    )
    which = version.c.number > PREVIEW if number is None else version.c.number == number
    row = connection.execute(wanted.where(which)).first()
    if row is None:
        raise StudyError("There is no such study, or no such version of it was published.")
    return row


def _table(connection: Connection, wanted: Select[Any]) -> pd.DataFrame:
    found = connection.execute(wanted)
    names = list(found.keys())
    return pd.DataFrame(_columns(found.all(), names), columns=names)


def _columns(rows: Sequence[Row[Any]], names: list[str]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _predictions(connection: Connection, version_id: int) -> pd.DataFrame:
    names = ("image", "model", "predicted_class", "probability", "correct")
    wanted = (
        select(*(prediction.c[name] for name in names))
        .where(prediction.c.version_id == version_id)
        .order_by(prediction.c.image, prediction.c.model)
    )
    kinds = {"image": "str", "model": "str", "predicted_class": "str"}
    return _table(connection, wanted).astype({**kinds, "probability": "float64", "correct": "bool"})


def _answers(connection: Connection, version_id: int, design: Design) -> pd.DataFrame:
    theirs = and_(
        answer.c.participant_id == trial.c.participant_id, answer.c.trial_id == trial.c.id
    )
    columns = ("choice", "shown_position", "served_at", "answered_at", "duration_ms")
    table = _table(
        connection,
        select(
            participant.c.number.label("participant"),
            trial.c.position,
            trial.c.kind,
            trial.c.image,
            trial.c.arrangement,
            trial.c.expected,
            *(answer.c[name] for name in (*columns, "focus_losses", "hidden_ms")),
        )
        .select_from(answer.join(trial, theirs).join(participant))
        .where(participant.c.version_id == version_id)
        .order_by(participant.c.number, trial.c.position),
    )
    classes = {picture.id: picture.true_class for picture in design.pictures}
    checks = zip(
        table["expected"].astype(object).where(table["expected"].notna(), None),
        table["choice"],
        strict=True,
    )
    table["passed"] = pd.array(
        [None if right is None else passed(right, choice) for right, choice in checks],
        dtype="boolean",
    )
    table["true_class"] = [classes[image] for image in table["image"]]
    table["arrangement"] = [" ".join(ids) for ids in table["arrangement"]]
    texts = ("kind", "image", "true_class", "choice", "arrangement")
    kinds = {**dict.fromkeys(texts, "str"), "shown_position": "Int64", "duration_ms": "Int64"}
    kinds |= dict.fromkeys(("participant", "position", "focus_losses", "hidden_ms"), "int64")
    return _in_utc(table.astype(kinds), ("served_at", "answered_at"))[list(_ANSWER)]


def _participants(connection: Connection, version_id: int, answers: pd.DataFrame) -> pd.DataFrame:
    names = ("source", "ending", *_MOMENTS, "consent_version")
    wanted = (
        select(participant.c.number.label("participant"), *(participant.c[name] for name in names))
        .where(participant.c.version_id == version_id)
        .order_by(participant.c.number)
    )
    table = _table(connection, wanted)[list(_PERSON)]
    grouped = answers.assign(
        check=answers["passed"].notna(),
        failed=~answers["passed"].fillna(True).astype(bool),
        counts=answers["kind"] == "trial",
    ).groupby("participant")
    for name, column in (("checks_failed", "failed"), ("checks", "check"), ("answered", "counts")):
        sums = grouped[column].sum()
        table[name] = table["participant"].map(sums).fillna(0).astype("int64")
    kinds = {"participant": "int64", "source": "str", "ending": "object"}
    return _in_utc(table.astype({**kinds, "consent_version": "int64"}), _MOMENTS)


def _in_utc(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    for name in columns:
        # One resolution always: pandas would choose it by the values, and differently for none.
        table[name] = pd.to_datetime(table[name], utc=True).dt.as_unit("us")
    return table
