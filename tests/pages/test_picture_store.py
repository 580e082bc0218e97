"""Uploaded pictures on the disk: the file as it came, and a sentence where it is gone."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pages.components import picture_store
from pages.components.content_store import ContentStore
from xai_core.errors import ImageError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    return tmp_path / "pictures"


def png(level: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), (level, 0, 0)).save(stream, "PNG")
    return stream.getvalue()


def test_a_file_lies_there_once_as_it_came(folder: Path) -> None:
    digest = picture_store.keep(png(7))
    assert picture_store.keep(png(7)) == digest
    assert [path.read_bytes() for path in folder.iterdir()] == [png(7)]
    found = np.asarray(picture_store.picture(digest, "red.png"))
    assert (found.shape, found[0, 0].tolist()) == ((3, 4, 3), [7, 0, 0])


def test_what_is_gone_or_no_picture_is_told() -> None:
    with pytest.raises(ImageError, match=r"'red\.png' is not kept on this server any more"):
        picture_store.picture("0" * 64, "red.png")
    with pytest.raises(ImageError, match=r"'notes\.txt'"):
        picture_store.picture(picture_store.keep(b"These are notes."), "notes.txt")


def test_what_was_longest_unused_makes_room(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_store, "STORE", ContentStore("pictures", 5 * len(png(0)) // 2))
    first, second = picture_store.keep(png(1)), picture_store.keep(png(2))
    for time, digest in enumerate((first, second)):
        os.utime(folder / digest, (time, time))
    picture_store.picture(first, "used.png")
    third = picture_store.keep(png(3))
    picture_store.STORE.make_room()
    assert {path.name for path in folder.iterdir()} == {first, third}
