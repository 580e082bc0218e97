"""Sessions on the disk and as files: kept as they are, refused where they are something else."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from pages.components import picture_store, session_store
from pages.components.session_store import OwnPicture, Session
from xai_core.errors import SessionError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path


def with_pictures(*contents: bytes) -> tuple[str, Session]:
    token = session_store.create()
    pictures = tuple(
        OwnPicture(f"{number}.png", picture_store.keep(content), number == 0, "dog")
        for number, content in enumerate(contents)
    )
    return token, session_store.change(
        token, "me", lambda now: replace(now, name="Mine", pictures=pictures)
    )


def archive(**files: bytes) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/").replace("_json", ".json"), content)
    return stream


def facts(**changed: object) -> bytes:
    whole = {"format": session_store.FORMAT, "name": "n", "pictures": [], "views": {}, **changed}
    return json.dumps(whole).encode()


def test_a_session_is_carried_elsewhere_in_a_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, before = with_pictures(b"one", b"two")
    session_store.note_view(token, "sanity", {"model": ["vgg-tiny"], "param": ["a=1", "b=2"]})
    saved = session_store.exported(session_store.read(token) or before)
    monkeypatch.setenv("XAI_CACHE", str(folder / "elsewhere"))
    opened = session_store.imported(io.BytesIO(saved))
    assert opened != token
    found = session_store.read(opened)
    assert found is not None
    assert (found.name, found.pictures, found.page) == ("Mine", before.pictures, "sanity")
    assert found.views == {"sanity": {"model": ["vgg-tiny"], "param": ["a=1", "b=2"]}}
    there = [picture_store.path(one.digest).read_bytes() for one in found.pictures]
    assert there == [b"one", b"two"]


def test_a_picture_that_is_lost_does_not_keep_the_others_from_being_saved() -> None:
    _, session = with_pictures(b"one", b"two")
    picture_store.delete(session.pictures[0].digest)
    opened = session_store.imported(io.BytesIO(session_store.exported(session)))
    found = session_store.read(opened)
    assert found is not None
    assert [one.name for one in found.pictures] == ["0.png", "1.png"]


def test_a_file_of_another_content_than_its_name_says_does_not_take_that_name() -> None:
    wanted, given = hashlib.sha256(b"wanted").hexdigest(), b"given"
    one = {"name": "a.png", "digest": wanted, "shown": True, "true": ""}
    file = archive(session_json=facts(pictures=[one]), **{f"pictures__{wanted}": given})
    found = session_store.read(session_store.imported(file))
    assert found is not None
    assert found.pictures[0].digest == hashlib.sha256(given).hexdigest()
    assert not picture_store.path(wanted).exists()


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (io.BytesIO(b"no archive"), "no session, or it is damaged"),
        (archive(notes=b"nothing"), "nothing in it says what it holds"),
        (archive(session_json=b"{"), "no session, or it is damaged"),
        (archive(session_json=b"[]"), "no session, or it is damaged"),
        (archive(session_json=b"{}"), "no session, or it is damaged"),
        (archive(session_json=facts(format="other 7")), "another version"),
        (archive(session_json=facts(pictures=[{"name": "a"}])), "no session, or it is damaged"),
        (
            archive(session_json=facts(pictures=[{"name": "a", "digest": "../../etc"}])),
            "no session, or it is damaged",
        ),
        (archive(session_json=facts(views={"a": 1})), "no session, or it is damaged"),
        (archive(session_json=facts(unknown=1)), "no session, or it is damaged"),
        (archive(session_json=b" " * (2**21 + 1)), "nothing in it says what it holds"),
    ],
)
def test_what_is_no_session_is_refused(file: io.BytesIO, sentence: str, folder: Path) -> None:
    with pytest.raises(SessionError, match=sentence):
        session_store.imported(file)
    assert not (folder / "sessions").exists()


def test_too_much_is_refused_before_it_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    token, session = with_pictures(b"one", b"two" * 100)
    saved = session_store.exported(session)
    with monkeypatch.context() as patch:
        patch.setattr(session_store, "MOST_PICTURES", 1)
        with pytest.raises(SessionError, match="these would be 2 pictures"):
            session_store.imported(io.BytesIO(saved))
    with monkeypatch.context() as patch:
        patch.setattr(session_store, "MOST_FILE_BYTES", 200)
        with pytest.raises(SessionError, match="is too large"):
            session_store.imported(io.BytesIO(saved))
    monkeypatch.setattr(session_store, "MOST_BYTES", 3 + 300 - 1)
    with pytest.raises(SessionError, match="Nothing was added"):
        session_store.change(token, "me", lambda now: now)


def test_a_change_of_a_session_that_is_gone_is_refused() -> None:
    token, _ = with_pictures(b"one")
    session_store.forget(token)
    assert session_store.read(token) is None
    with pytest.raises(SessionError, match="was deleted"):
        session_store.change(token, "me", lambda now: now)
    session_store.note_view(token, "", {})
    assert not session_store.there(token), "looking at it does not bring it back"


def test_the_pictures_of_a_deleted_session_go_unless_another_has_them(folder: Path) -> None:
    token, session = with_pictures(b"one", b"two")
    other, _ = with_pictures(b"two")
    session_store.forget(token)
    there = {path.name for path in (folder / "pictures").iterdir()}
    assert there == {session.pictures[1].digest}
    session_store.forget(other)
    assert not list((folder / "pictures").iterdir())


def test_a_full_disk_is_told_and_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    token, before = with_pictures(b"one")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        patch.setattr(Path, "write_text", full)
        with pytest.raises(SessionError, match="No space left on device"):
            picture_store.keep(b"two")
        with pytest.raises(SessionError, match="No space left on device"):
            session_store.change(token, "me", lambda now: replace(now, name="Other"))
    assert session_store.read(token) == before


def test_what_nobody_used_for_thirty_days_goes(folder: Path) -> None:
    old, fresh = picture_store.keep(b"1"), picture_store.keep(b"2")
    almost, over = (time.time() - days * 24 * 3600 for days in (29.9, 30.1))
    os.utime(folder / "pictures" / fresh, (almost, almost))
    os.utime(folder / "pictures" / old, (over, over))
    picture_store.STORE.make_room()
    assert {path.name for path in (folder / "pictures").iterdir()} == {fresh}
