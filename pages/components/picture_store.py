"""Uploaded pictures on the server's disk: each file once, as it came."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from pages.components.content_store import ContentStore
from xai_core.errors import ImageError
from xai_core.images import read_picture, shown_name

DAYS = 30  # without use
STORE = ContentStore("pictures", 4 * 2**30, DAYS)


def keep(content: bytes) -> str:
    """Keep a file; the name of its content.

    Raises:
        SessionError: the server cannot keep it.
    """
    digest = hashlib.sha256(content).hexdigest()
    STORE.put(path(digest), lambda part: part.write_bytes(content))
    return digest


def picture(digest: str, name: str) -> Image.Image:
    """The picture of a file that is kept.

    Args:
        digest: of its content.
        name: as the user gave it, for errors.

    Raises:
        ImageError: the file cannot be read as a picture, or is not kept any more.
    """
    if not use(digest):
        raise ImageError(lost(name))
    return read_picture(path(digest), name)


def lost(name: str) -> str:
    """What is said of a picture that is not kept any more."""
    return f"'{shown_name(name)}' is not kept on this server any more; upload it again."


def path(digest: str) -> Path:
    """Where the file of that content lies, if it is kept."""
    return STORE.folder / digest


def use(digest: str) -> bool:
    """Note that a file is used now; whether it is kept."""
    try:
        STORE.use(path(digest))
    except FileNotFoundError:
        return False
    return True


def delete(digest: str) -> None:
    """Delete a file."""
    path(digest).unlink(missing_ok=True)
