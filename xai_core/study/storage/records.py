"""Everything of a version as tables, for the analysis and for export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Row, select

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
        background=_background(connection, row.id),
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


def _background(connection: Connection, version_id: int) -> pd.DataFrame:
    wanted = (
        select(
            participant.c.number.label("participant"),
            background.c.question_id.label("question"),
            background.c.value,
        )
        .select_from(background.join(participant))
        .where(participant.c.version_id == version_id)
        .order_by(participant.c.number, background.c.question_id)
    )
    kinds = {"participant": "int64", "question": "str", "value": "str"}
    return pd.read_sql_query(wanted, connection).astype(kinds)


def _predictions(connection: Connection, version_id: int) -> pd.DataFrame:
    names = ("image", "model", "predicted_class", "probability", "correct")
    wanted = (
        select(*(prediction.c[name] for name in names))
        .where(prediction.c.version_id == version_id)
        .order_by(prediction.c.image, prediction.c.model)
    )
    kinds = {"image": "str", "model": "str", "predicted_class": "str"}
    kinds |= {"probability": "float64", "correct": "bool"}
    return pd.read_sql_query(wanted, connection).astype(kinds)


def _answers(connection: Connection, version_id: int, design: Design) -> pd.DataFrame:
    measured = ("served_at", "answered_at", "duration_ms", "focus_losses", "hidden_ms")
    wanted = (
        select(
            participant.c.number.label("participant"),
            *(trial.c[name] for name in ("position", "kind", "image", "expected")),
            *(answer.c[name] for name in ("choice", "shown_position")),
            trial.c.arrangement,
            *(answer.c[name] for name in measured),
        )
        .select_from(answer.join(trial).join(participant))
        .where(participant.c.version_id == version_id)
        .order_by(participant.c.number, trial.c.position)
    )
    table = pd.read_sql_query(wanted, connection)
    classes = {picture.id: picture.true_class for picture in design.pictures}
    table.insert(4, "true_class", [classes[image] for image in table["image"]])
    checks = zip(table.pop("expected"), table["choice"], strict=True)
    table["passed"] = pd.array(
        [None if pd.isna(right) else passed(right, choice) for right, choice in checks],
        dtype="boolean",
    )
    table["arrangement"] = [" ".join(ids) for ids in table["arrangement"]]
    texts = ("kind", "image", "true_class", "choice", "arrangement")
    kinds = {**dict.fromkeys(texts, "str"), "shown_position": "Int64", "duration_ms": "Int64"}
    kinds |= dict.fromkeys(("participant", "position", "focus_losses", "hidden_ms"), "int64")
    return _in_utc(table.astype(kinds), ("served_at", "answered_at"))


def _participants(connection: Connection, version_id: int, answers: pd.DataFrame) -> pd.DataFrame:
    names = ("source", "ending", *_MOMENTS, "consent_version")
    wanted = (
        select(participant.c.number.label("participant"), *(participant.c[name] for name in names))
        .where(participant.c.version_id == version_id)
        .order_by(participant.c.number)
    )
    table = pd.read_sql_query(wanted, connection)
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
