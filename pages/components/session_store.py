"""Working sessions on the server's disk, and as files that people carry elsewhere.

A session is a small JSON file under its random name; its pictures lie in ``picture_store``. Every
change is made to what is kept by then, so that of two tabs with one session none undoes what
the other did.
"""

from __future__ import annotations

import io
import json
import re
import secrets
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from pages.components import picture_store
from pages.components.content_store import ContentStore
from xai_core.errors import SessionError

DAYS = picture_store.DAYS
STORE = ContentStore("sessions", 64 * 2**20, DAYS)
MOST_PICTURES = 500
MOST_BYTES = 2**30  # of a session's pictures
MOST_SAID = f"at most {MOST_PICTURES} pictures and {MOST_BYTES // 2**30} GiB"
FORMAT = "xai-workbench session 1"
LONGEST_NAME = 60
_FACTS, _PICTURES = "session.json", "pictures"
_MOST_FACTS = 2**21  # bytes
MOST_FILE_BYTES = MOST_BYTES + 2 * _MOST_FACTS
_GOOD = re.compile(r"[\w-]{22}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_lock = Lock()

View = Mapping[str, Sequence[str]]  # values of an address's parameters


@dataclass(frozen=True)
class OwnPicture:
    """A picture that the visitor has brought.

    Attributes:
        name: of its file.
        digest: of its content, in ``picture_store``.
        shown: whether the pages are about it.
        true: name of its true class in the data set that it comes from, or "".
    """

    name: str
    digest: str
    shown: bool = True
    true: str = ""


@dataclass(frozen=True)
class Session:
    """What a working session holds.

    Attributes:
        name: that people gave it, or "".
        pictures: in the order in which they came.
        views: what the address of each page said last.
        page: that was seen last.
        changes: how often its name or its pictures have changed.
        by: who made the latest of these changes.
    """

    name: str = ""
    pictures: tuple[OwnPicture, ...] = ()
    views: Mapping[str, View] = field(default_factory=dict)
    page: str = ""
    changes: int = 0
    by: str = ""


def create() -> str:
    """A new session that holds nothing; its name in addresses, which nobody can guess."""
    token = secrets.token_urlsafe(16)
    with _lock:
        _write(token, Session())
        STORE.make_room()
    return token


def there(token: str) -> bool:
    """Whether there is a session of that name."""
    return bool(_GOOD.fullmatch(token)) and _path(token).is_file()


def read(token: str) -> Session | None:
    """What a session holds; None if it is not kept, or not any more."""
    try:
        found = _session(json.loads(_path(token).read_text(encoding="utf-8")))
        STORE.use(_path(token))
    except FileNotFoundError:
        return None
    return found


def change(token: str, by: str, changed: Callable[[Session], Session]) -> Session:
    """Change a session's name or pictures.

    Args:
        token: the session.
        by: who changes it.
        changed: makes the new session from the present one.

    Raises:
        SessionError: it is not kept any more, or it would hold too much.
    """
    with _lock:
        now = read(token)
        if now is None:
            raise SessionError("This session was deleted; what you see is not kept.")
        new = replace(changed(now), changes=now.changes + 1, by=by)
        _check(new)
        _write(token, new)
    return new


def note_view(token: str, page: str, view: View) -> None:
    """Keep what the address of a page says now; nothing where the session is gone."""
    with _lock:
        now = read(token)
        if now is not None:
            _write(token, replace(now, views={**now.views, page: view}, page=page))


def forget(token: str) -> None:
    """Delete a session, and the pictures that no other one has."""
    with _lock:
        now = read(token)
        _path(token).unlink(missing_ok=True)
    if now is not None:
        delete_unused([one.digest for one in now.pictures])


def delete_unused(digests: Sequence[str]) -> None:
    """Delete the files of pictures that no session has."""
    with _lock:
        texts = [path.read_text(encoding="utf-8") for path in STORE.folder.glob("*.json")]
        for digest in digests:
            if not any(digest in text for text in texts):
                picture_store.delete(digest)


def exported(session: Session) -> bytes:
    """The session as one file: a ZIP archive of its pictures and what is said of them."""
    stream = io.BytesIO()
    facts = {"format": FORMAT, **asdict(session)}
    with zipfile.ZipFile(stream, "w") as archive:  # pictures are compressed already
        archive.writestr(_FACTS, json.dumps(facts, indent=1))
        for digest in {one.digest for one in session.pictures}:
            path = picture_store.path(digest)
            if path.is_file():
                archive.write(path, f"{_PICTURES}/{digest}")
    return stream.getvalue()


def imported(file: BinaryIO) -> str:
    """Take in the session of a file; its name in addresses.

    Raises:
        SessionError: the file is no session, or holds too much.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            session = _read_facts(archive)
            _check_sizes(archive)
            names = set(archive.namelist())
            kept: dict[str, str] = {}
            for digest in {one.digest for one in session.pictures}:
                if f"{_PICTURES}/{digest}" in names:
                    kept[digest] = picture_store.keep(archive.read(f"{_PICTURES}/{digest}"))
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise SessionError("This file is no session, or it is damaged.") from error
    # By what the files are, not by what they are called.
    pictures = [replace(one, digest=kept.get(one.digest, one.digest)) for one in session.pictures]
    token = create()
    change(token, "", lambda now: replace(session, pictures=tuple(pictures), changes=now.changes))
    picture_store.STORE.make_room()
    return token


def _read_facts(archive: zipfile.ZipFile) -> Session:
    names = archive.namelist()
    if _FACTS not in names or archive.getinfo(_FACTS).file_size > _MOST_FACTS:
        raise SessionError("This file is no session: nothing in it says what it holds.")
    try:
        facts = json.loads(archive.read(_FACTS))
        if facts.pop("format") != FORMAT:
            raise SessionError("This session is of another version of the workbench.")
        session = _session(facts)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise SessionError("This file is no session, or it is damaged.") from error
    _check(session, sizes=False)
    return session


def _check_sizes(archive: zipfile.ZipFile) -> None:
    """Before anything is unpacked: what it says of itself is all that is read."""
    if sum(one.file_size for one in archive.infolist()) > MOST_FILE_BYTES:
        raise SessionError(f"The session is too large; {MOST_SAID} are kept.")


def _check(session: Session, sizes: bool = True) -> None:
    count = len(session.pictures)
    if count > MOST_PICTURES:
        raise SessionError(
            f"A session holds {MOST_SAID}; these would be {count} pictures. Nothing was added."
        )
    paths = [picture_store.path(one.digest) for one in session.pictures] if sizes else []
    total = sum(path.stat().st_size for path in paths if path.is_file())
    if total > MOST_BYTES:
        raise SessionError(
            f"A session holds {MOST_SAID}; these would be {total / 2**30:.1f} GiB. "
            "Nothing was added."
        )


def _session(facts: Mapping[str, Any]) -> Session:
    """The session that JSON tells.

    Raises:
        TypeError, ValueError: it tells none.
    """
    session = Session(**facts)
    pictures = tuple(OwnPicture(**one) for one in session.pictures)  # type: ignore[arg-type]
    texts = [session.name, session.page, session.by]
    texts += [text for one in pictures for text in (one.name, one.true, one.digest)]
    views = {
        str(page): {str(name): [str(value) for value in values] for name, values in view.items()}
        for page, view in session.views.items()
    }
    good = all(isinstance(text, str) for text in texts) and isinstance(session.changes, int)
    if not good or not all(_DIGEST.fullmatch(one.digest) for one in pictures):
        raise ValueError("not a session")
    name = session.name[:LONGEST_NAME]
    return replace(session, name=name, pictures=pictures, views=views)


def _write(token: str, session: Session) -> None:
    text = json.dumps(asdict(session))
    STORE.put(_path(token), lambda part: part.write_text(text, encoding="utf-8"), again=True)


def _path(token: str) -> Path:
    return STORE.folder / f"{token}.json"
