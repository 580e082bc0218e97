"""The researcher's side of the studies' database."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from xai_core.errors import StudyError
from xai_core.study.design import Design
from xai_core.study.storage import assets, backup, invitations, publishing, upgrade, withdrawal
from xai_core.study.storage.database import Database, database_url, retried
from xai_core.study.storage.erasing import empty_log
from xai_core.study.storage.invitations import Invitation
from xai_core.study.storage.publishing import Prediction, Rendered, locked_study
from xai_core.study.storage.schema import participant as participant_table
from xai_core.study.storage.schema import platform_identity, stimulus, study, version
from xai_core.study.storage.sessions import ResearcherSessions
from xai_core.study.storage.summaries import Study, Version, studies, versions
from xai_core.study.storage.tokens import new_slug
from xai_core.study.storage.versions import Versions
from xai_core.study.texts import storable

if TYPE_CHECKING:
    from xai_core.study.storage.records import Records

MOST_NAME = 200


class Store:
    """Studies, their versions, pictures and records; safe for threads.

    Attributes:
        database: transactions on the database.
        versions_read: designs and picture names of versions, read once.
        researcher_session: who is logged in.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.versions_read = Versions()
        self.researcher_session = ResearcherSessions(database)

    @retried
    def create(self, name: str) -> str:
        """Begin a study; its slug."""
        slug, now = new_slug(), datetime.now(UTC)
        row: dict[str, Any] = {"slug": slug, "name": _named(name), "draft": Design().to_json()}
        with self.database.writing() as connection:
            connection.execute(insert(study).values(**row, created_at=now))
        return slug

    def studies(self) -> list[Study]:
        """All studies, newest first."""
        with self.database.reading() as connection:
            return studies(connection)

    def draft(self, slug: str) -> Design:
        """The design that is being worked on.

        Raises:
            StudyError: there is no such study.
        """
        with self.database.reading() as connection:
            found = connection.execute(select(study.c.draft).where(study.c.slug == slug)).first()
        if found is None:
            raise StudyError("There is no such study.")
        return Design.from_json(found.draft)

    @retried
    def save_draft(self, slug: str, design: Design, seen: Design | None = None) -> bool:
        """Keep a design to go on with later; it may be incomplete.

        Args:
            slug: of the study.
            design: the new draft.
            seen: the draft that this one was made from.

        Returns:
            False, and nothing is changed, where the draft is another than ``seen`` by now.

        Raises:
            StudyError: there is no such study.
        """
        own = study.c.slug == slug
        with self.database.writing() as connection:
            found = connection.execute(select(study.c.draft).where(own).with_for_update()).first()
            if found is None:
                raise StudyError("There is no such study.")
            if seen is not None and Design.from_json(found.draft) != seen:
                return False
            connection.execute(update(study).where(own).values(draft=design.to_json()))
        return True

    @retried
    def rename(self, slug: str, name: str) -> None:
        """Give a study another name, which only researchers see."""
        renamed = update(study).where(study.c.slug == slug).values(name=_named(name))
        with self.database.writing() as connection:
            if not connection.execute(renamed).rowcount:
                raise StudyError("There is no such study.")

    @retried
    def delete_draft_study(self, slug: str) -> None:
        """Delete a study that was never published.

        Raises:
            StudyError: there is none, or it was published.
        """
        with self.database.writing() as connection:
            study_id = locked_study(connection, slug)
            published = (version.c.study_id == study_id) & (version.c.number > publishing.PREVIEW)
            if connection.execute(select(version.c.id).where(published)).first():
                raise StudyError("This study was published; it can be closed but not dropped.")
            connection.execute(delete(study).where(study.c.id == study_id))
            assets.drop_unused(connection)

    @retried
    def delete(self, slug: str) -> None:
        """Delete a study with everything its participants gave; backups still hold it."""
        with self.database.writing() as connection:
            connection.execute(delete(study).where(study.c.id == locked_study(connection, slug)))
            assets.drop_unused(connection)
        empty_log(self.database)

    @retried
    def keep_asset(self, content: bytes, mime: str) -> str:
        """Keep a picture's original; its hash. The same picture is kept once."""
        with self.database.writing() as connection:
            return assets.keep(connection, content, mime)

    def asset(self, name: str) -> tuple[bytes, str]:
        """Content and type of a picture's original.

        Raises:
            StudyError: it is not kept here.
        """
        with self.database.reading() as connection:
            return assets.read(connection, name)

    @retried
    def publish(
        self,
        slug: str,
        design: Design,
        rendered: Iterable[Rendered],
        predictions: Iterable[Prediction],
        preview: bool = False,
    ) -> Version:
        """Freeze a design with its pictures; the version before it closes to newcomers.

        Args:
            slug: of the study.
            design: without ``problems``.
            rendered: original and every condition's heatmap of every picture.
            predictions: of the conditions' models.
            preview: whether this is for researchers alone; it replaces the preview before.

        Raises:
            StudyError: something must be mended, or a picture lacks.
        """
        with self.database.writing() as connection:
            made = publishing.publish(
                connection, slug, design, list(rendered), list(predictions), preview=preview
            )
            return next(each for each in versions(connection, slug) if each.id == made)

    def versions(self, slug: str) -> list[Version]:
        """Published versions, oldest first, and the preview before them if there is one."""
        with self.database.reading() as connection:
            return versions(connection, slug)

    def close(self, slug: str) -> None:
        """Let nobody begin any more; who has begun may finish."""
        self._set_closed(slug, datetime.now(UTC))

    def reopen(self, slug: str) -> None:
        """Let newcomers begin the newest version again."""
        self._set_closed(slug, None)

    @retried
    def invite(
        self,
        slug: str,
        count: int,
        labels: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> list[tuple[str, str]]:
        """Make personal invitations; label and token of each, shown this once."""
        with self.database.writing() as connection:
            return invitations.invite(connection, slug, count, labels, expires_at)

    def invitations(self, slug: str) -> list[Invitation]:
        """A study's invitations, oldest first."""
        with self.database.reading() as connection:
            return invitations.invitations(connection, slug)

    def stimulus(self, name: str) -> tuple[bytes, str] | None:
        """Content and type of a picture that participants see; None if there is no such name."""
        if not storable(name):
            return None
        wanted = select(stimulus.c.content, stimulus.c.mime).where(stimulus.c.name == name)
        with self.database.reading() as connection:
            found = connection.execute(wanted).first()
        return None if found is None else (bytes(found.content), str(found.mime))

    def records(self, slug: str, number: int | None = None, preview: bool = False) -> Records:
        """Everything of a version as tables; of the newest published one if none is named.

        Raises:
            StudyError: there is no such study or version.
        """
        # pandas takes a second to import, and participants' pages import this module.
        from xai_core.study.storage.records import read_records

        wanted = publishing.PREVIEW if preview else number
        with self.database.reading() as connection:
            return read_records(connection, slug, wanted)

    def platform_ids(self, slug: str) -> list[dict[str, str | int]]:
        """Ids at recruiting platforms by version and participant's number, for payment alone."""
        wanted = (
            select(
                version.c.number.label("version"),
                participant_table.c.number.label("participant"),
                platform_identity.c.platform,
                platform_identity.c.platform_id,
                platform_identity.c.platform_study,
                platform_identity.c.platform_session,
                participant_table.c.ending,
            )
            .select_from(platform_identity)
            .join(participant_table)
            .join(version)
            .join(study, study.c.id == version.c.study_id)
            .where(study.c.slug == slug)
            .order_by(version.c.number, participant_table.c.number)
        )
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(wanted).mappings()]

    def withdraw_participant(self, slug: str, version_number: int, number: int) -> bool:
        """Delete a participant who asked the researcher; False if there is none."""
        return withdrawal.withdraw_numbered(self.database, slug, version_number, number)

    def backup(self, path: Path | None = None) -> Path:
        """Copy the whole database while it is in use; where the copy is."""
        return backup.backup(self.database, path)

    @property
    def backup_folder(self) -> Path:
        """Where backups are if no other place is named."""
        return backup.backup_folder(self.database)

    def close_all(self) -> None:
        """Let go of the database's connections."""
        self.database.close()

    @retried
    def _set_closed(self, slug: str, moment: datetime | None) -> None:
        with self.database.writing() as connection:
            published = (
                select(version.c.id)
                .where(version.c.study_id == locked_study(connection, slug))
                .where(version.c.number > publishing.PREVIEW)
            )
            newest = connection.scalar(published.order_by(version.c.number.desc()).limit(1))
            if newest is None:
                raise StudyError("This study was not published yet.")
            connection.execute(
                update(version).where(version.c.id == newest).values(closed_at=moment)
            )


def open_store(url: str | None = None, patience: float = 10.0) -> Store:
    """The studies' database, brought up to date, with a backup first where it has content.

    Args:
        url: of SQLAlchemy; ``XAI_DATABASE_URL`` if not given, and a file of SQLite without it.
        patience: seconds to wait for others who write.

    Raises:
        StudyError: the address is none, or the database is newer than this program.
        StudyUnavailableError: it cannot be reached.
    """
    database = Database(database_url(url), patience)
    try:
        upgrade.upgrade(database, lambda revision: backup.before_upgrade(database, revision))
    except BaseException:
        database.close()
        raise
    return Store(database)


_shared: dict[tuple[str, int], Store] = {}
_sharing = threading.Lock()


def shared_store() -> Store:
    """This process's one store of the database that the environment names."""
    key = (str(database_url()), os.getpid())
    with _sharing:
        if key not in _shared:
            _shared[key] = open_store()
        return _shared[key]


def _named(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MOST_NAME or not storable(name):
        raise StudyError(f"A study needs a name of at most {MOST_NAME} characters.")
    return name
