"""Researchers who are logged in: a token in their browser, its hash here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, insert, select

from xai_core.study.storage.database import Database, retried
from xai_core.study.storage.schema import researcher_session
from xai_core.study.storage.tokens import new_token, token_hash


class ResearcherSessions:
    """Starts, checks and ends researchers' sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @retried
    def start(self, hours: float) -> str:
        """Token of a new session that ends by itself after so many hours."""
        token, now = new_token(), datetime.now(UTC)
        row = {"token_hash": token_hash(token), "created_at": now}
        with self._database.writing() as connection:
            ended = researcher_session.c.expires_at <= now
            connection.execute(delete(researcher_session).where(ended))
            ends = now + timedelta(hours=hours)
            connection.execute(insert(researcher_session).values(**row, expires_at=ends))
        return token

    def is_valid(self, token: str) -> bool:
        """Whether a session with this token runs."""
        if not token:
            return False
        running = select(researcher_session.c.created_at).where(
            researcher_session.c.token_hash == token_hash(token),
            researcher_session.c.expires_at > datetime.now(UTC),
        )
        with self._database.reading() as connection:
            return connection.scalar(running) is not None

    @retried
    def end(self, token: str) -> None:
        """End a session; one that does not run stays that way."""
        with self._database.writing() as connection:
            own = researcher_session.c.token_hash == token_hash(token)
            connection.execute(delete(researcher_session).where(own))
