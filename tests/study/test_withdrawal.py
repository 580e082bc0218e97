"""Withdrawal: nothing of the participant is left, in no table and in no byte of a file."""

import random
import shutil
import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import select

from tests.study.small import TIMES, begin, count, finish, publish
from xai_core.errors import StudyError
from xai_core.study import BackgroundQuestion, TakingPart, Ticket, open_store
from xai_core.study.participation.admission import Person
from xai_core.study.participation.enrolment import withdrawal_code
from xai_core.study.storage.schema import (
    answer,
    background,
    invitation,
    metadata,
    participant,
    platform_identity,
    trial,
)
from xai_core.study.storage.tokens import derived_token

FREE = (BackgroundQuestion("free", "About you?", "text"),)
SECRET = "I live at 221B Baker Street"


def rows(store):
    return {name: count(store, table) for name, table in metadata.tables.items()}


def somebody(store, slug, ticket=None, words="words"):
    """The ticket and the withdrawal code of somebody who has come to the end."""
    part = TakingPart(store)
    agreed = part.consent(ticket or Ticket(slug), True)
    me = Ticket(slug, me=agreed.me)
    part.background(me, {"free": words})
    finish(part, me, part.instructed(me))
    return me, agreed.withdrawal


@pytest.mark.parametrize("by", ["code", "ticket", "number"])
def test_every_row_goes_and_those_of_others_stay(store, by):
    slug = publish(store, background=FREE)
    part = TakingPart(store)
    ((_, token),) = store.invite(slug, 1, ["Ann"])
    somebody(store, slug)
    before = rows(store)
    ticket = Ticket(slug, invite=token, platform="p", platform_id="x")
    me, code = somebody(store, slug, ticket, SECRET)
    records = store.records(slug)
    done = {
        "code": lambda: part.withdraw(f" {code}\n"),
        "ticket": lambda: part.withdraw_me(me),
        "number": lambda: store.withdraw_participant(slug, 1, 2),
    }[by]
    assert done()
    assert not done()
    assert rows(store) == {**before, "invitation": before["invitation"] - 1}
    after = store.records(slug)
    for name in ("participants", "answers", "background"):
        table = getattr(records, name)
        remaining = table[table.participant == 1].reset_index(drop=True)
        assert remaining.equals(getattr(after, name))
    for gone in (me, Ticket(slug, invite=token)):
        assert part.look(gone).kind == "unknown"
    assert part.look(Ticket(slug, platform="p", platform_id="x")).kind == "consent"


@pytest.mark.parametrize("guess", ["", "x", "x" * 22, "'; --", "\0", "\ud800", "%", "\t"])
def test_a_guessed_code_deletes_nothing(store, guess):
    slug = publish(store, background=FREE)
    somebody(store, slug)
    before = rows(store)
    assert not TakingPart(store).withdraw(guess)
    assert rows(store) == before


def test_a_token_is_no_withdrawal_code(store):
    slug = publish(store, background=FREE)
    me, _code = somebody(store, slug)
    assert not TakingPart(store).withdraw(me.me)


def test_the_code_is_told_again_by_the_first_address_alone(store):
    slug = publish(store, background=FREE)
    part = TakingPart(store)
    ((_, token),) = store.invite(slug, 1)
    for ticket in (Ticket(slug), Ticket(slug, invite=token),
                   Ticket(slug, platform="p", platform_id="x")):  # fmt: skip
        agreed = part.consent(ticket, True)
        own = Ticket(slug, me=agreed.me) if ticket == Ticket(slug) else ticket
        assert part.look(own).withdrawal == part.serve(own).withdrawal == agreed.withdrawal
    # With all that the database has of the first participant, and without the token.
    with store.database.reading() as connection:
        row = connection.execute(select(participant).order_by(participant.c.id)).first()
    facts = (row.id, row.version_id, 1, row.stage, None, None, row.withdrawal_hash, row.seed)
    assert withdrawal_code(Ticket(slug), Person(*facts)) == ""
    assert withdrawal_code(Ticket(slug, me=row.token_hash), Person(*facts)) == ""


def test_a_derived_secret_is_one_and_the_same():
    secrets = {derived_token("a", str(number)) for number in range(1000)}
    assert len(secrets) == 1000
    assert {len(one) for one in secrets} == {23}
    assert not any(one.startswith("-") for one in secrets), "no option of a command line"
    assert derived_token("a", "7") == derived_token("a", "7") != derived_token("a7")


def test_only_the_tables_of_a_participant_hang_on_it(store):
    slug = publish(store, background=FREE)
    somebody(store, slug, Ticket(slug, platform="p", platform_id="x"))
    theirs = {participant, platform_identity, background, trial, answer, invitation}
    assert all(count(store, table) for table in theirs - {invitation})
    assert {
        table
        for table in metadata.tables.values()
        if "participant_id" in table.c or table is participant
    } == theirs


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_byte_of_the_free_text_is_left(sqlite_url):
    store = open_store(sqlite_url)
    slug = publish(store, background=FREE)
    folder = store.database.file.parent
    rng = random.Random(0)
    others = [f"somebody else {number} " * rng.randrange(1, 40) for number in range(60)]
    # Among others and of many lengths, so that pages of the file are split around it.
    part = TakingPart(store)
    for words in others[:30]:
        begin(part, Ticket(slug), {"free": words})
    store.backup()
    ticket = Ticket(slug, platform="p", platform_id="prolific-of-the-secret")
    me, code = somebody(store, slug, ticket, (SECRET + " ") * 100)
    for words in others[30:]:
        begin(part, Ticket(slug), {"free": words})
    copies = [store.backup(), store.backup()]
    found = bytes_of(folder)
    assert found.count(SECRET.encode()) >= 3, "otherwise this test would show nothing"
    assert b"prolific-of-the-secret" in found
    assert TakingPart(store).withdraw(code)
    found = bytes_of(folder)
    assert SECRET.encode() not in found
    assert b"Baker" not in found
    assert b"prolific-of-the-secret" not in found
    for copy in copies:
        with closing(sqlite3.connect(copy)) as plain:
            assert plain.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            assert plain.execute("SELECT count(*) FROM participant").fetchone()[0] == 60
    assert len(store.records(slug).background) == 60
    assert TakingPart(store).look(me).kind == "unknown"
    store.close_all()
    assert SECRET.encode() not in bytes_of(folder)


def test_a_reader_who_does_not_end_delays_only_the_log(sqlite_url, caplog, opened):
    store = opened(sqlite_url, patience=0.2)
    slug = publish(store, background=FREE)
    _, code = somebody(store, slug, None, SECRET)
    with closing(sqlite3.connect(store.database.file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM study").fetchall()
        assert TakingPart(store).withdraw(code)
        assert "may hold deleted rows" in caplog.text
    assert not TakingPart(store).withdraw(code)


def test_a_backup_that_cannot_be_changed_stops_the_withdrawal(sqlite_store):
    slug = publish(sqlite_store, background=FREE)
    me, code = somebody(sqlite_store, slug)
    broken = sqlite_store.backup_folder / "old.sqlite"
    broken.parent.mkdir()
    broken.write_bytes(b"this is not a database, " * 100)
    with pytest.raises(StudyError, match="still holds the participant"):
        TakingPart(sqlite_store).withdraw(code)
    assert TakingPart(sqlite_store).look(me).kind == "ended"
    broken.unlink()
    assert TakingPart(sqlite_store).withdraw(code)


def test_dumps_that_hold_the_participant_go_and_a_new_one_comes(postgresql_store):
    slug = publish(postgresql_store, background=FREE)
    older = postgresql_store.backup()
    _, code = somebody(postgresql_store, slug, None, SECRET)
    newer = postgresql_store.backup()
    assert TakingPart(postgresql_store).withdraw(code)
    left = sorted(postgresql_store.backup_folder.iterdir())
    assert older in left
    assert newer not in left
    (made,) = set(left) - {older}
    assert "after-withdrawal" in made.name


def test_without_pg_dump_the_dumps_go_all_the_same(postgresql_store, monkeypatch, tmp_path, caplog):
    slug = publish(postgresql_store, background=FREE)
    _, code = somebody(postgresql_store, slug)
    postgresql_store.backup()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert TakingPart(postgresql_store).withdraw(code)
    assert list(postgresql_store.backup_folder.iterdir()) == []
    assert "no new one was made" in caplog.text


def test_a_deleted_study_leaves_nothing(store):
    slug, other = publish(store, background=FREE), publish(store)
    store.invite(slug, 2)
    somebody(store, slug, Ticket(slug, platform="p", platform_id="x"), SECRET)
    store.delete(slug)
    assert [each.slug for each in store.studies()] == [other]
    left = rows(store)
    assert left.pop("version") == left.pop("study") == 1
    assert {name for name, number in left.items() if number} == {"stimulus", "prediction"}
    if store.database.file is not None:
        assert SECRET.encode() not in bytes_of(store.database.file.parent)


def test_ids_are_never_given_again(store):
    slug = publish(store)
    part = TakingPart(store)
    me, screen = begin(part, Ticket(slug))
    stale = screen.trial.id
    part.withdraw_me(me)
    other, present = begin(part, Ticket(slug))
    assert present.trial.id > stale
    with pytest.raises(StudyError):
        part.answer(other, stale, "A", "key", TIMES)
    assert count(store, answer) == 0
    shutil.rmtree(store.backup_folder, ignore_errors=True)
