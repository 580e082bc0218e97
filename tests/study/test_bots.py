"""Bots through the real page of a real server; and that their comparison can fail."""

import asyncio
import sys
from collections import Counter
from hashlib import sha256

import pytest
from sqlalchemy import delete, select, update

from benchmarks.load import material
from bots import Crowd, Manner, Server, compare, drive, participants_of, rule, sides
from tests.apart import apart
from tests.study.small import arguments
from xai_core.cli.study import bots as command
from xai_core.errors import StudyError
from xai_core.study import open_store
from xai_core.study.storage.schema import answer, background, participant, platform_identity, trial

TRIALS, SCREENS = 3, 7  # one practice, three trials, two catch trials, one instructed trial
BOTS = 5


@pytest.fixture
def study(store):
    return material.publish(store, TRIALS)


@pytest.fixture
def server(store_url):
    with Server(environment(store_url)) as running:
        yield running


def environment(url):
    return {"XAI_DATABASE_URL": url, "XAI_SERVE": "participants"}


def taken_part(server, study, bots=BOTS, **manner):
    """Journals of bots that do not think."""
    crowd = Crowd(Manner(server.url, study, think=0, **manner), bots)
    return apart(asyncio.run, drive(crowd))


def test_what_bots_send_is_what_is_stored_and_exported(store, server, study):
    journals = taken_part(server, study)
    found = compare(store, study, journals, before=0)
    assert found.differences == ()
    for side in (found.sent, found.stored, found.exported):
        assert side.counts() == (BOTS, 3 * BOTS, SCREENS * BOTS, BOTS)
    assert all(len(journal.steps) == SCREENS for journal in journals)
    assert {bool(journal.platform_id) for journal in journals} == {True, False}
    # Whoever knows the pictures and the seed knows the answers.
    answers = store.records(study).answers
    assert answers["passed"].dropna().all()
    assert answers["choice"].nunique() > 2
    # Others were there before: they are no difference, and nobody else may come.
    again = taken_part(server, study, bots=1)
    assert compare(store, study, again, before=BOTS).differences == ()
    assert len(compare(store, study, again, before=0).differences) == 1


@pytest.fixture(scope="module")
def taken_by_bots(tmp_path_factory):
    """A study that bots have taken part in: store, its name, journals."""
    url = f"sqlite:///{tmp_path_factory.mktemp('bots') / 'studies.sqlite'}"
    store = open_store(url)
    slug = material.publish(store, TRIALS)
    with Server(environment(url)) as server:
        journals = taken_part(server, slug, interruptions=True)
    yield store, slug, journals
    store.close_all()


def test_interruptions_lose_nothing_and_add_nothing(taken_by_bots):
    store, slug, journals = taken_by_bots
    assert compare(store, slug, journals, before=0).differences == ()
    counted = sum((journal.counted for journal in journals), Counter())
    assert counted["reloads"] > 0
    assert counted["second tabs"] > 0
    assert counted["connections dropped"] > 0
    assert counted["reconnections"] == 0


A_ROW = select(answer.c.id).where(answer.c.shown_position.is_not(None)).limit(1).scalar_subquery()
TAMPERED = {
    "another choice": update(answer).values(choice="same").where(answer.c.id == A_ROW),
    "another place": update(answer)
    .values(shown_position=answer.c.shown_position + 1)
    .where(answer.c.id == A_ROW),
    "one less": delete(answer).where(answer.c.id == A_ROW),
    "another background": update(background)
    .values(value="perhaps")
    .where(background.c.question_id == "vision"),
    "no end": update(participant).values(ending=None, ended_at=None),
    "another picture": update(trial).values(image="p4").where(trial.c.position == 3),
    "nobody": delete(participant).where(participant.c.number == 2),
}


@pytest.mark.parametrize("change", TAMPERED)
def test_a_change_of_the_database_is_found(taken_by_bots, change):
    store, slug, journals = taken_by_bots
    with store.database.writing() as connection:
        before = {
            table: connection.execute(select(table)).mappings().all()
            for table in (participant, platform_identity, background, trial, answer)
        }
        assert connection.execute(TAMPERED[change]).rowcount
    try:
        found = compare(store, slug, journals, before=0)
        assert found.differences
        assert any("stored" in text for text in found.differences)
    finally:
        with store.database.writing() as connection:
            for table, rows in before.items():
                connection.execute(delete(table))
                if rows:
                    connection.execute(table.insert(), [dict(row) for row in rows])
    assert compare(store, slug, journals, before=0).differences == ()


def test_a_fault_of_the_export_is_found(taken_by_bots, monkeypatch):
    store, slug, journals = taken_by_bots
    whole = sides.long_csv

    def cut(records):
        lines = whole(records).splitlines(keepends=True)
        return b"".join(lines[:-1])

    monkeypatch.setattr(sides, "long_csv", cut)
    found = compare(store, slug, journals, before=0)
    assert len(found.differences) == 1
    assert "exported" in found.differences[0]


def test_an_answer_that_was_never_sent_is_found(taken_by_bots):
    store, slug, journals = taken_by_bots
    journals[0].answers.append(journals[1].answers[0])
    try:
        assert compare(store, slug, journals, before=0).differences
    finally:
        journals[0].answers.pop()


def test_the_command_survives_a_killed_server(sqlite_store, monkeypatch, capsys):
    monkeypatch.setenv("XAI_SERVE", "participants")
    slug = material.publish(sqlite_store, TRIALS)
    words = (slug, "--serve", "--interruptions", "--participants", 3, "--think", 0.2)
    assert run(*words) == 0
    printed = capsys.readouterr().out
    assert "restarts of the server  1" in printed
    assert "reconnections" in printed
    assert "differences: 0" in printed
    assert participants_of(sqlite_store, slug) == 3


def test_the_command_says_that_nobody_could_take_part(sqlite_store, capsys):
    slug = material.publish(sqlite_store, TRIALS)
    # Nothing listens at the discard port.
    assert run(slug, "--participants", 2, "--url", "http://localhost:9", "--think", 0) == 1
    assert "DisconnectedError" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("missing", "sentence"), [("bots.command", "in its folder"), ("websockets", "pip install")]
)
def test_the_command_says_what_is_missing(monkeypatch, missing, sentence):
    """As in a copy that was installed without the repository around it."""
    for module in [name for name in sys.modules if name.partition(".")[0] == "bots"]:
        monkeypatch.delitem(sys.modules, module)

    class Nowhere:
        @staticmethod
        def find_spec(name, path, target=None):
            if name == missing:
                raise ModuleNotFoundError(name=missing)

    monkeypatch.setattr(sys, "meta_path", [Nowhere, *sys.meta_path])
    for module in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(StudyError, match=sentence):
        run("study")


def run(*words):
    asked = arguments(command, "bots", *words)
    return apart(asked.run, asked)


def test_the_rule_depends_on_pictures_and_seed_alone():
    def digest(text):
        return sha256(text.encode()).hexdigest()

    def choose(seed, original, pictures):
        options = list(zip("ABC", map(digest, pictures), strict=True))
        choice = rule.choose(seed, digest(original), options, "")
        return dict(zip("ABC", pictures, strict=True)).get(choice, choice)

    originals = [str(number) for number in range(200)]
    found = [choose(1, original, ("x", "y", "z")) for original in originals]
    # The same picture wherever it stands, another one for another bot.
    assert found == [choose(1, original, ("z", "x", "y")) for original in originals]
    assert found != [choose(2, original, ("x", "y", "z")) for original in originals]
    assert set(found) == {"x", "y", "z", "same", "cannot_distinguish"}
    assert choose(1, "0", ("x", "x", "x")) == "same"


@pytest.mark.parametrize(
    ("sentence", "choice"),
    [
        ("For this one, please choose B.", "B"),
        ("For this one, please choose “A”.", "A"),
        ("For this one, please choose “Can't distinguish”.", "cannot_distinguish"),
        ("For this one, please choose “They look the same”.", "same"),
    ],
)
def test_an_instruction_is_read(sentence, choice):
    assert rule.choose(0, "", [("A", "x"), ("B", "y")], sentence) == choice


def test_an_instruction_that_says_nothing_is_an_error():
    with pytest.raises(ValueError, match="does not say"):
        rule.choose(0, "", [("A", "x"), ("B", "y")], "Please choose C.")
