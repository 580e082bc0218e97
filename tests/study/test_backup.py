"""Backups of a database in use, and back again."""

import shutil
import sqlite3
import subprocess
import threading
from contextlib import closing

import pytest

from tests.study.small import begin, count, finish, publish
from xai_core.errors import StudyError
from xai_core.study import TakingPart, Ticket, open_store
from xai_core.study.storage import backup
from xai_core.study.storage.schema import answer


@pytest.fixture
def restored(request, tmp_path):
    """Makes a store of what a backup holds."""

    def restore(path):
        if path.suffix == ".dump":
            return from_dump(path, request.getfixturevalue("cluster"))
        copy = tmp_path / "restored.sqlite"
        shutil.copy(path, copy)
        return open_store(f"sqlite:///{copy}")

    return restore


def from_dump(path, cluster):
    cluster.run("dropdb", "--if-exists", "-h", cluster.folder, "restored")
    cluster.run("createdb", "-h", cluster.folder, "-T", "template0", "restored")
    words = ["pg_restore", "--no-owner", f"--dbname={cluster.url('restored')}", path]
    subprocess.run(words, check=True)
    return open_store(cluster.url("restored"))


def test_a_backup_can_be_restored(store, restored):
    slug = publish(store)
    part = TakingPart(store)
    me, screen = begin(part, Ticket(slug))
    finish(part, me, screen)
    path = store.backup()
    assert path.parent == store.backup_folder
    assert path.stat().st_mode & 0o077 == 0
    again = restored(path)
    assert again.records(slug).answers.equals(store.records(slug).answers)
    assert TakingPart(again).look(me).kind == "ended"
    again.close_all()
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_backup_while_others_write_is_one_moment(store, restored):
    slug = publish(store, trials=8)
    part = TakingPart(store)
    stop, failed = threading.Event(), []

    def write():
        try:
            while not stop.is_set():
                finish(part, *begin(part, Ticket(slug)))
        except StudyError as error:
            failed.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not count(store, answer):
            pass
        before = count(store, answer)
        path = store.backup()
        after = count(store, answer)
    finally:
        stop.set()
        writer.join()
    assert not failed
    again = restored(path)
    assert before <= count(again, answer) <= after
    again.close_all()


def test_a_backup_goes_where_it_is_told_but_over_nothing(store, tmp_path):
    path = tmp_path / "elsewhere" / "copy"
    assert store.backup(path) == path
    with pytest.raises(StudyError, match="exists already"):
        store.backup(path)
    assert not store.backup_folder.exists()


def test_without_pg_dump_the_reason_is_told(postgresql_store, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match="needs the program pg_dump"):
        postgresql_store.backup()
    with pytest.raises(StudyError, match="a backup comes first"):
        backup.before_upgrade(postgresql_store.database, "0001")
    monkeypatch.setenv("XAI_UPGRADE_WITHOUT_BACKUP", "1")
    backup.before_upgrade(postgresql_store.database, "0001")


def test_a_dump_that_fails_says_why_and_leaves_no_file(postgresql_store, cluster):
    cluster.stop()
    try:
        with pytest.raises(StudyError, match="could not be made"):
            postgresql_store.backup()
    finally:
        cluster.start()
    assert list(postgresql_store.backup_folder.iterdir()) == []


def test_a_damaged_database_is_noticed(sqlite_url, tmp_path):
    store = open_store(sqlite_url)
    publish(store)
    store.close_all()
    file = store.database.file
    with closing(sqlite3.connect(file)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    content = bytearray(file.read_bytes())
    for place in range(8192, len(content), 4096):
        content[place : place + 200] = b"\xff" * 200
    file.write_bytes(content)
    with pytest.raises(StudyError, match=r"damaged|could not be made"):
        store.backup()
    store.close_all()


def test_a_withdrawal_ends_a_backup_that_is_being_made(sqlite_store, monkeypatch):
    part = TakingPart(sqlite_store)
    agreed = part.consent(Ticket(publish(sqlite_store)), True)
    copy = backup._copy_sqlite

    def slow(source, target):
        copy(source, target)
        assert part.withdraw(agreed.withdrawal)

    monkeypatch.setattr(backup, "_copy_sqlite", slow)
    with pytest.raises(StudyError, match="withdrew during the backup"):
        sqlite_store.backup()
    assert list(sqlite_store.backup_folder.iterdir()) == []
