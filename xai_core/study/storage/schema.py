"""The tables. ``migrations`` makes them; a test holds the two equal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMES)


class Moment(TypeDecorator[datetime]):
    """A moment in UTC, also on SQLite, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """In UTC; SQLite gets it without the zone."""
        if value is None:
            return None
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Always with the zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _key() -> Column[int]:
    return Column("id", Integer, primary_key=True)


def _of(table: str, *, name: str = "", **options: Any) -> Column[int]:
    """A reference whose row goes when what it refers to goes."""
    reference = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(name or f"{table}_id", Integer, reference, **{"nullable": False, **options})


def _one_of(column: str, *words: str) -> CheckConstraint:
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# With sqlite_autoincrement an id that was given once is never given again: otherwise a window
# left open over a withdrawal could answer somebody else's trial.

study = Table(
    "study",
    metadata,
    _key(),
    Column("slug", String(64), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("draft", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

asset = Table(
    "asset",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("mime", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

version = Table(
    "version",
    metadata,
    _key(),
    _of("study"),
    Column("number", Integer, nullable=False),  # 0 is the preview, replaced each time
    Column("design", JSON, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("published_at", Moment),
    Column("closed_at", Moment),
    Column("visits", Integer, nullable=False, server_default="0"),
    Column("declined", Integer, nullable=False, server_default="0"),
    # Who ever began, so that the number of somebody who has withdrawn is not given again.
    Column("enrolled", Integer, nullable=False, server_default="0"),
    UniqueConstraint("study_id", "number"),
    sqlite_autoincrement=True,
)

stimulus = Table(
    "stimulus",
    metadata,
    _key(),
    _of("version", index=True),
    Column("image", String(64), nullable=False),
    Column("model", String(64)),  # NULL is the original
    Column("name", String(64), nullable=False, unique=True),
    Column("mime", String(100), nullable=False),
    Column("content", LargeBinary, nullable=False),
)

prediction = Table(
    "prediction",
    metadata,
    _of("version", primary_key=True),
    Column("image", String(64), primary_key=True),
    Column("model", String(64), primary_key=True),
    Column("predicted_class", Text, nullable=False),
    Column("probability", Float, nullable=False),
    Column("correct", Boolean, nullable=False),
)

invitation = Table(
    "invitation",
    metadata,
    _key(),
    _of("study", index=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    # Goes with its participant: a withdrawn participant's link leads nowhere, and a label may
    # be a name.
    _of("participant", nullable=True, unique=True),
)

participant = Table(
    "participant",
    metadata,
    _key(),
    _of("version"),
    Column("number", Integer, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("source", String(20), nullable=False),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("withdrawal_hash", String(64), nullable=False, unique=True),
    Column("stage", String(20), nullable=False),
    Column("consent_version", Integer, nullable=False),
    Column("consented_at", Moment, nullable=False),
    Column("background_at", Moment),
    Column("instructed_at", Moment),
    Column("practised_at", Moment),
    Column("ended_at", Moment),
    Column("ending", String(20)),
    UniqueConstraint("version_id", "number"),
    _one_of("source", "shared", "personal", "platform"),
    _one_of("stage", "background", "instructions", "practice", "trials", "ended"),
    _one_of("ending", "completed", "screened_out", "failed"),
    sqlite_autoincrement=True,
)

platform_identity = Table(
    "platform_identity",
    metadata,
    _of("participant", primary_key=True),
    _of("study"),
    Column("platform", String(200), nullable=False),
    Column("platform_id", String(200), nullable=False),
    Column("platform_study", String(200), nullable=False),
    Column("platform_session", String(200), nullable=False),
    UniqueConstraint("study_id", "platform", "platform_id"),
)

background = Table(
    "background",
    metadata,
    _of("participant", primary_key=True),
    Column("question_id", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

trial = Table(
    "trial",
    metadata,
    _key(),
    _of("participant"),
    Column("position", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("image", String(64), nullable=False),
    Column("slot", Integer, nullable=False),  # which arrangement of the picture's balanced list
    Column("arrangement", JSON, nullable=False),
    Column("expected", Text),  # right answers of a check, with spaces between
    Column("served_at", Moment),
    UniqueConstraint("participant_id", "position"),
    UniqueConstraint("participant_id", "id"),  # what an answer refers to
    _one_of("kind", "trial", "practice", "catch", "instructed"),
    sqlite_autoincrement=True,
)

answer = Table(
    "answer",
    metadata,
    _key(),
    _of("participant"),
    Column("trial_id", Integer, nullable=False),
    Column("choice", String(64), nullable=False),
    Column("shown_position", Integer),
    Column("idempotency_key", String(100), nullable=False, unique=True),
    Column("served_at", Moment, nullable=False),
    Column("answered_at", Moment, nullable=False),
    Column("client_shown_at", Float(53)),
    Column("client_answered_at", Float(53)),
    Column("duration_ms", Integer),
    Column("focus_losses", Integer, nullable=False),
    Column("hidden_ms", Integer, nullable=False),
    # Both columns together, so that no answer can ever sit on somebody else's trial.
    ForeignKeyConstraint(
        ["participant_id", "trial_id"], ["trial.participant_id", "trial.id"], ondelete="CASCADE"
    ),
    UniqueConstraint("participant_id", "trial_id"),
)

researcher_session = Table(
    "researcher_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)
