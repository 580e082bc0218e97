"""``python -m xai_core study …``: managing studies without a browser."""

import csv
import io

import pytest

from tests.study.small import arguments, begin, finish, publish
from xai_core.cli import study
from xai_core.errors import StudyError
from xai_core.study import TakingPart, Ticket, open_store


@pytest.fixture
def run(store_url, monkeypatch, capsys):
    """Runs a sub-command; its exit status, and what it printed on both streams."""
    monkeypatch.setenv("XAI_DATABASE_URL", store_url)

    def command(*words):
        asked = arguments(study, "study", *words)
        return asked.run(asked), *capsys.readouterr()

    return command


def test_list(run, store):
    assert run("list")[1].split() == ["study", "name", "version", "participants", "completed"]
    draft, slug = store.create("a draft"), publish(store, catches=0)
    part = TakingPart(store)
    finish(part, *begin(part, Ticket(slug)))
    _, out, _ = run("list")
    lines = [line.split("  ") for line in out.splitlines()[1:]]
    assert [[word.strip() for word in line if word.strip()] for line in lines] == [
        [slug, "small", "1 (open)", "1", "1"],
        [draft, "a draft", "draft", "0", "0"],
    ]


def test_links(run, store):
    slug = publish(store)
    status, out, _ = run("links", slug, "--url", "https://x.org/")
    assert status == 0
    assert f"https://x.org/take-part?study={slug}\n" in out
    assert f"{slug}&PROLIFIC_PID={{{{%PROLIFIC_PID%}}}}&STUDY_ID=" in out
    with pytest.raises(StudyError, match="no such study"):
        run("links", "nothing")


def test_invitations_are_csv_without_formulas(run, store):
    slug = publish(store)
    status, out, _ = run("invite", slug, "--label", "=1+1", "--label", "Ben")
    assert status == 0
    table = list(csv.reader(io.StringIO(out)))
    assert table[0] == ["label", "link"]
    assert [row[0] for row in table[1:]] == ["'=1+1", "Ben"]
    token = table[1][1].partition("&invite=")[2]
    assert TakingPart(store).look(Ticket(slug, invite=token)).kind == "consent"
    run("invite", slug, "--count", 3, "--expires", "2001-01-01")
    known = store.invitations(slug)
    assert [each.label for each in known] == ["=1+1", "Ben", "", "", ""]
    assert known[4].expires_at.year == 2001
    with pytest.raises(StudyError, match="not a date"):
        run("invite", slug, "--expires", "soon")


def test_close_and_reopen(run, store):
    slug = publish(store)
    assert run("close", slug)[0] == 0
    assert TakingPart(store).look(Ticket(slug)).kind == "closed"
    assert run("reopen", slug)[0] == 0
    assert TakingPart(store).look(Ticket(slug)).kind == "consent"


def test_backup(run, store, tmp_path):
    publish(store)
    status, out, err = run("backup")
    assert (status, err) == (0, "")
    assert out.strip() == str(next(store.backup_folder.iterdir()))
    status, out, err = run("backup", "--to", tmp_path / "copy")
    assert (status, out.strip()) == (0, str(tmp_path / "copy"))
    assert "cannot reach this file" in err


def test_withdraw(run, store):
    slug = publish(store)
    part = TakingPart(store)
    codes = [part.consent(Ticket(slug), True).withdrawal for _ in range(2)]
    store.backup()
    status, out, _ = run("withdraw", codes[0])
    assert status == 0
    assert out.endswith("yours to delete.\n")
    # A dump cannot be changed; it goes, and its name is told.
    assert ("held the participant" in out) == (store.database.file is None)
    assert run("withdraw", codes[0])[0] == 2
    assert run("withdraw", "--study", slug, "--participant", 2)[0] == 0
    assert len(store.records(slug).participants) == 0
    assert run("withdraw")[0] == run("withdraw", "x", "--study", slug, "--participant", 1)[0] == 2


def test_delete_asks_for_a_yes(run, store):
    slug = publish(store)
    status, out, err = run("delete", slug)
    assert status == 2
    assert "“small” with 0 participants" in out
    assert "--yes" in err
    assert len(store.studies()) == 1
    assert run("delete", slug, "--yes")[0] == 0
    assert store.studies() == []
    with pytest.raises(StudyError, match="no such study"):
        run("delete", slug, "--yes")


def test_a_database_that_is_away_is_told_without_its_password(monkeypatch):
    monkeypatch.setenv("XAI_DATABASE_URL", "postgresql://u:secret@127.0.0.1:9/x")
    with pytest.raises(StudyError) as caught:
        open_store()
    assert "secret" not in str(caught.value)
