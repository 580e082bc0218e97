"""Uploaded pictures on the server's disk: each file once, as it came."""

from __future__ import annotations

import hashlib
from pathlib import Path

from PIL import Image

from pages.components.content_store import ContentStore
from xai_core.errors import ImageError
from xai_core.images import read_image, shown_name

DAYS = 30  # without use
STORE = ContentStore("pictures", 4 * 2**30, DAYS)


def keep(content: bytes) -> str:
    """Keep a file; the name of its content."""
    digest = hashlib.sha256(content).hexdigest()
    STORE.put(_path(digest), lambda part: part.write_bytes(content))
    STORE.make_room()
    return digest


def picture(digest: str, name: str) -> Image.Image:
    """The picture of a file that is kept.

    Args:
        digest: of its content.
        name: as the user gave it, for errors.

    Raises:
        ImageError: the file cannot be read as a picture, or is not kept any more.
    """
    path = _path(digest)
    try:
        STORE.use(path)
        content = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(
            f"'{shown_name(name)}' is not kept on this server any more; upload it again."
        ) from None
    return read_image(content, name)


def delete(digest: str) -> None:
    """Delete a file."""
    _path(digest).unlink(missing_ok=True)


def _path(digest: str) -> Path:
    return STORE.folder / digest
