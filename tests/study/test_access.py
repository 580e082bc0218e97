"""The password of the researchers, and the wait after wrong ones."""

import io
import stat

import pytest

from xai_core.__main__ import main
from xai_core.errors import AccessError
from xai_core.study.password import LONGEST_WAIT_S, Backoff, fits, hashed, keep, known_hash

PASSWORD = "correct horse battery"


def test_a_password_fits_its_hash_and_no_other_does():
    known = hashed(PASSWORD)
    assert known.startswith("$argon2id$")
    assert PASSWORD not in known
    assert fits(PASSWORD, known)
    assert not fits(PASSWORD + " ", known)
    assert not fits("", known)


def test_equal_passwords_have_different_hashes():
    assert hashed(PASSWORD) != hashed(PASSWORD)


def test_a_short_password_is_refused():
    with pytest.raises(AccessError, match="at least 12"):
        hashed("short")


def test_a_hash_that_is_none_is_said():
    with pytest.raises(AccessError, match="study password"):
        fits(PASSWORD, "plain text")


def test_the_file_is_its_owners_alone_and_the_environment_goes_first(tmp_path, monkeypatch):
    monkeypatch.delenv("XAI_PASSWORD_HASH", raising=False)
    file = tmp_path / "folder" / "password"
    assert known_hash(file) == ""
    keep(file, "from the file")
    assert known_hash(file) == "from the file"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    keep(file, "anew")
    assert known_hash(file) == "anew"
    monkeypatch.setenv("XAI_PASSWORD_HASH", "from the environment")
    assert known_hash(file) == "from the environment"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Where the command keeps the hash."""
    monkeypatch.delenv("XAI_PASSWORD_HASH", raising=False)
    monkeypatch.setenv("XAI_STUDIES", str(tmp_path))
    return tmp_path / "password"


def test_the_command_takes_a_line_of_a_pipe_and_removes_it_again(file, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["study", "password"]) == 0
    assert fits(PASSWORD, known_hash(file))
    assert main(["study", "password", "--remove"]) == 0
    assert known_hash(file) == ""
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert main(["study", "password", "--print"]) == 0
    assert fits(PASSWORD, capsys.readouterr().out.strip())
    assert not file.exists()


@pytest.mark.parametrize(("again", "kept"), [(PASSWORD, True), ("another one, longer", False)])
def test_a_terminal_is_asked_twice(file, monkeypatch, capsys, again, kept):
    typed = iter([PASSWORD, again])
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda asked: next(typed))
    assert (main(["study", "password"]) == 0) is kept
    assert file.exists() is kept
    assert ("not the same twice" in capsys.readouterr().err) is not kept


def test_the_wait_doubles_from_the_fourth_failure_for_each_asker_apart():
    now = [0.0]
    backoff = Backoff(lambda: now[0])
    waits = []
    for _ in range(6):
        backoff.failed("a")
        waits.append(backoff.wait_s("a"))
    assert waits == [0, 0, 0, 2, 4, 8]
    assert backoff.wait_s("b") == 0
    now[0] = 5.0
    assert backoff.wait_s("a") == 3
    for _ in range(30):
        backoff.failed("a")
    assert backoff.wait_s("a") == LONGEST_WAIT_S
    backoff.succeeded("a")
    assert backoff.wait_s("a") == 0
