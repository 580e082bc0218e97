"""Transactions: settings, turns, outages, conflicts; and tables brought up to date."""

import shutil
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import exc as failures
from sqlalchemy import func, insert, make_url, select, text

from tests.study.children import FORKED, open_and_close, start_together, take_part_many
from tests.study.small import TIMES, begin, count, finish, publish
from xai_core.errors import StudyError, StudyUnavailableError
from xai_core.study import TakingPart, Ticket, open_store
from xai_core.study.storage import upgrade
from xai_core.study.storage.database import (
    ConflictError,
    FairLock,
    data_folder,
    database_url,
    retried,
)
from xai_core.study.storage.schema import answer, metadata, participant, study

ROW = {"slug": "x", "name": "x", "draft": {}, "created_at": func.now()}


def test_migrations_make_the_tables_of_the_schema(empty_url, opened):
    store = opened(empty_url)
    with store.database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_sqlite_is_set_to_keep_what_it_acknowledges(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}", patience=3)
    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 3000,
    }
    for transaction in (store.database.reading, store.database.writing):
        with transaction() as connection:
            for name, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_a_writer_begins_as_a_writer(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}", patience=0.1)
    with closing(sqlite3.connect(tmp_path / "x.sqlite", timeout=0.1)) as other:
        with store.database.reading():
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        with store.database.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("postgres://u:p@h:1/d?sslmode=require", "postgresql+psycopg://u:p@h:1/d?sslmode=require"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg2://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////folder/x.sqlite", "sqlite:////folder/x.sqlite"),
    ],
)
def test_addresses(given, made):
    assert database_url(given).render_as_string(hide_password=False) == made


@pytest.mark.parametrize(
    "given", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "nonsense", "::"]
)
def test_addresses_that_are_none(given):
    with pytest.raises(StudyError):
        database_url(given)


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.delenv("XAI_DATABASE_URL", raising=False)
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path))
    assert database_url().database == str(tmp_path / "studies.sqlite")
    monkeypatch.delenv("XAI_STUDIES")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    if sys.platform == "linux":
        assert data_folder() == tmp_path / "data" / "xai-workbench"
    assert data_folder().name == "xai-workbench"
    monkeypatch.setenv("XAI_DATABASE_URL", "postgresql://h/d")
    assert database_url().host == "h"


def test_a_fair_lock_is_given_in_turn():
    lock, order = FairLock(), []
    assert lock.acquire(0)

    def wait(number):
        assert lock.acquire(10)
        order.append(number)
        lock.release()

    with ThreadPoolExecutor(8) as pool:
        for number in range(8):
            pool.submit(wait, number)
            while len(lock._waiting) <= number:
                time.sleep(0.001)
        assert not lock.acquire(0.01)
        lock.release()
    assert order == list(range(8))
    assert lock.acquire(0)


def test_a_failed_step_leaves_nothing(store):
    def step():
        with store.database.writing() as connection:
            connection.execute(insert(study).values(ROW))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        step()
    assert store.studies() == []


def test_a_mistake_in_a_statement_is_no_outage(store):
    with pytest.raises(failures.DBAPIError), store.database.reading() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))


def test_sqlite_locked_by_another_program_for_long(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}", patience=0.2)
    part = TakingPart(store)
    me, screen = begin(part, Ticket(publish(store)))
    with closing(sqlite3.connect(tmp_path / "x.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            StudyUnavailableError, match=r"Nothing that was saved is lost.*try again"
        ):
            part.answer(me, screen.trial.id, "A", "key", TIMES)
        assert part.look(me) == screen, "others can still read"
        other.execute("ROLLBACK")
    assert part.answer(me, screen.trial.id, "A", "key", TIMES).trial.id != screen.trial.id


def test_a_writer_who_waits_too_long_is_told(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'x.sqlite'}", patience=0.1)
    with store.database.writing(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.create, "x")
        assert isinstance(waiting.exception(), StudyUnavailableError)
    assert store.create("y")


def test_a_file_that_cannot_be_opened(tmp_path):
    (tmp_path / "x.sqlite").mkdir()
    with pytest.raises(StudyUnavailableError):
        open_store(f"sqlite:///{tmp_path / 'x.sqlite'}", patience=0.1)
    (tmp_path / "y.sqlite").write_bytes(b"this is not a database, " * 100)
    with pytest.raises(StudyError, match="damaged"):
        open_store(f"sqlite:///{tmp_path / 'y.sqlite'}", patience=0.1)
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="cannot be made"):
        open_store(f"sqlite:///{tmp_path / 'file' / 'z.sqlite'}", patience=0.1)


def test_a_server_that_is_not_there():
    with pytest.raises(StudyUnavailableError, match="cannot be reached") as caught:
        open_store("postgresql://somebody:secret@127.0.0.1:9/none")
    assert "secret" not in str(caught.value)


def test_postgresql_goes_away_and_comes_back(cluster, postgresql_store):
    part = TakingPart(postgresql_store)
    me, screen = begin(part, Ticket(publish(postgresql_store)))
    second = part.answer(me, screen.trial.id, "A", "one", TIMES)
    cluster.stop()
    try:
        for step in (
            lambda: part.answer(me, second.trial.id, "A", "two", TIMES),
            lambda: part.look(me),
            lambda: part.consent(Ticket(me.slug), True),
            postgresql_store.studies,
        ):
            with pytest.raises(StudyUnavailableError, match="cannot be reached"):
                step()
    finally:
        cluster.start()
    assert part.look(me).trial == second.trial
    assert part.answer(me, second.trial.id, "A", "two", TIMES).trial.id != second.trial.id
    assert count(postgresql_store, answer) == 2


def test_postgresql_goes_away_within_a_step(cluster, postgresql_store):

    def step():
        with postgresql_store.database.writing() as connection:
            connection.execute(insert(study).values(ROW))
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(StudyUnavailableError):
        step()
    assert postgresql_store.studies() == []
    assert postgresql_store.create("y")


def test_a_conflict_is_tried_again():
    calls = []

    @retried
    def step():
        calls.append(1)
        if len(calls) < 3:
            raise ConflictError("x")
        return "done"

    assert step() == "done"

    @retried
    def hopeless():
        calls.append(1)
        raise ConflictError("x")

    calls.clear()
    with pytest.raises(StudyUnavailableError):
        hopeless()
    assert len(calls) == 4


def test_a_serialisation_failure_is_a_conflict(postgresql_store):
    slug = postgresql_store.create("x")
    engine = postgresql_store.database.engine.execution_options(isolation_level="REPEATABLE READ")
    change = study.update().where(study.c.slug == slug)
    postgresql_store.database._writer = engine

    def step():
        with postgresql_store.database.writing() as connection:
            connection.execute(select(study)).all()
            with engine.begin() as other:
                other.execute(change.values(name="y"))
            connection.execute(change.values(name="z"))

    with pytest.raises(ConflictError):
        step()


def test_sixteen_threads_write_at_once(store):
    part = TakingPart(store)
    slug = publish(store, practice=0, catches=0, trials=3, pictures=5, conditions=3)
    with ThreadPoolExecutor(16) as pool:
        ended = list(pool.map(lambda _: finish(part, *begin(part, Ticket(slug))), range(16)))
    assert [screen.kind for screen in ended] == ["ended"] * 16
    check_crowd(store, slug, 16)


def check_crowd(store, slug, people):
    """Numbers given once, pictures and places balanced, every answer there once."""
    records = store.records(slug)
    assert records.participants.participant.tolist() == list(range(1, people + 1))
    assert (records.participants.ending == "completed").all()
    assert len(records.answers) == 3 * people
    shown = records.answers.image.value_counts().reindex([f"p{n}" for n in range(1, 6)])
    assert shown.max() - shown.min() <= 1
    for _, group in records.answers.groupby("image"):
        for place in range(3):
            at = group.arrangement.str.split().str[place].value_counts()
            assert (
                at.reindex(["c1", "c2", "c3"], fill_value=0).agg(lambda x: x.max() - x.min()) <= 1
            )


def test_two_processes_on_one_database(store, store_url):
    slug = publish(store, practice=0, catches=0, trials=3, pictures=5, conditions=3)
    halves = ([f"a{n}" for n in range(12)], [f"b{n}" for n in range(12)])
    assert start_together([(take_part_many, store_url, slug, half) for half in halves]) == [0, 0]
    check_crowd(store, slug, 24)


def test_one_platform_id_from_many_windows_is_one_participant(store):
    slug = publish(store)
    ((_, token),) = store.invite(slug, 1)
    part = TakingPart(store)
    tickets = [Ticket(slug, platform="p", platform_id="x"), Ticket(slug, invite=token)] * 8
    with ThreadPoolExecutor(16) as pool:
        kinds = list(pool.map(lambda ticket: part.consent(ticket, True).kind, tickets))
    assert kinds == ["background"] * 16
    assert count(store, participant) == 2


def test_one_answer_from_many_windows_counts_once(store):
    slug = publish(store)
    part = TakingPart(store)
    me, screen = begin(part, Ticket(slug))

    def answer_it(number):
        return part.answer(me, screen.trial.id, "AB"[number % 2], f"key {number}", TIMES)

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(answer_it, range(8)))
    assert len({shown.trial.id for shown in seen}) == 1
    assert count(store, answer) == 1


def test_several_processes_start_at_once(empty_url, opened):
    together = FORKED.Barrier(4)
    assert start_together([(open_and_close, empty_url, together)] * 4) == [0] * 4
    store = opened(empty_url)
    assert store.studies() == []


STEP = """
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = "{before}"


def upgrade() -> None:
    {step}
"""


@pytest.fixture
def later(tmp_path, monkeypatch):
    """Adds a migration to those that there are."""
    folder = tmp_path / "migrations"
    shutil.copytree(upgrade.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def add(step, revision="0002", before="0001"):
        code = STEP.format(revision=revision, before=before, step=step)
        (folder / "versions" / f"v{revision}.py").write_text(code)
        monkeypatch.setattr(upgrade, "MIGRATIONS", folder)

    return add


# Both change the table as a real step would; SQLite has to copy it, with all that refers to it.
ADD = """with op.batch_alter_table("study", recreate="auto") as batch:
        batch.alter_column("name", new_column_name="title")"""
BREAK = ADD + '\n    op.execute("SELECT broken")'


def backups(store):
    return sorted(store.backup_folder.glob("*"))


def test_a_backup_comes_before_an_upgrade(store_url, later):
    store = open_store(store_url)
    slug = publish(store)
    begin(TakingPart(store), Ticket(slug))
    assert backups(store) == []
    store.close_all()
    later(ADD)
    store = open_store(store_url)
    (made,) = backups(store)
    assert "before-upgrade-from-0001" in made.name
    assert count(store, participant) == 1
    with store.database.reading() as connection:
        assert connection.scalar(text("SELECT title FROM study")) == "small"
    open_store(store_url).close_all()
    assert backups(store) == [made]
    if made.suffix == ".sqlite":
        old = open_store_of_old(made)
        assert old == "small"
    with store.database.writing() as connection:
        connection.execute(text("ALTER TABLE study RENAME COLUMN title TO name"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.close_all()


def open_store_of_old(path):
    with closing(sqlite3.connect(path)) as old:
        return old.execute("SELECT name FROM study").fetchone()[0]


def test_an_empty_database_needs_no_backup(store_url, later):
    store = open_store(store_url)
    store.close_all()
    later('op.execute("SELECT 1")')
    store = open_store(store_url)
    assert backups(store) == []
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.close_all()


def test_an_upgrade_that_fails_changes_nothing(store_url, later):
    store = open_store(store_url)
    slug = publish(store)
    store.close_all()
    later(BREAK)
    with pytest.raises(failures.DBAPIError):
        open_store(store_url)
    shutil.rmtree(Path(upgrade.MIGRATIONS) / "versions" / "__pycache__", ignore_errors=True)
    (Path(upgrade.MIGRATIONS) / "versions" / "v0002.py").unlink()
    store = open_store(store_url)
    assert store.studies()[0].slug == slug
    store.close_all()


def test_without_a_backup_there_is_no_upgrade(store_url, later, monkeypatch):
    store = open_store(store_url)
    store.create("x")
    store.close_all()
    later(ADD)
    refuse = StudyError("No room.")
    monkeypatch.setattr(
        "xai_core.study.storage.backup.backup", lambda *_, **__: (_ for _ in ()).throw(refuse)
    )
    with pytest.raises(StudyError, match=r"a backup comes first\. No room"):
        open_store(store_url)


def test_a_newer_database_is_refused(store_url):
    store = open_store(store_url)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StudyError, match="newer version"):
        open_store(store_url)
    with store.database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    store.close_all()


def test_the_file_is_for_its_owner_alone(tmp_path, opened):
    store = opened(f"sqlite:///{tmp_path / 'new' / 'x.sqlite'}")
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0
    assert make_url(f"sqlite:///{tmp_path / 'new' / 'x.sqlite'}") == store.database.url
    with suppress(FileNotFoundError):
        assert store.backup().stat().st_mode & 0o077 == 0
