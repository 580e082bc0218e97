"""Uploaded checkpoints on the disk, as files that worker and command line can read."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import uuid
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from xai_core.cache import default_folder

STORE_BYTES = 8 * 2**30
_KNOWN = "_stored-checkpoint"  # in the session: upload and file, so that it is hashed once


def stored(upload: UploadedFile) -> Path:
    """The uploaded file, in a folder named by its content, under the name it came with."""
    known: tuple[str, Path] | None = st.session_state.get(_KNOWN)
    if known and known[0] == upload.file_id and known[1].is_file():
        os.utime(known[1].parent)
        return known[1]
    path = keep(upload.getvalue(), upload.name)
    st.session_state[_KNOWN] = (upload.file_id, path)
    return path


def keep(content: bytes, name: str) -> Path:
    """A checkpoint as a file; of its name only what is harmless is kept."""
    stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[:60] or "checkpoint"
    folder = default_folder() / "checkpoints" / hashlib.sha256(content).hexdigest()
    path = folder / f"{stem}{Path(name).suffix.lower()}"
    _write(path, content)
    _make_room(folder.parent)
    return path


def with_facts(weights: Path, facts: str) -> Path:
    """The same file once more, in another folder, with its facts beside it; takes no room."""
    digest = hashlib.sha256(f"{weights.parent.name} {facts}".encode()).hexdigest()
    path = weights.parent.parent / digest / weights.name
    _write(path.with_suffix(".json"), facts.encode())
    if not path.exists():
        part = _part(path)
        try:
            part.hardlink_to(weights)
        except OSError:  # the folder's file system has no such links
            shutil.copyfile(weights, part)
        part.replace(path)
    os.utime(path.parent)
    _make_room(path.parent.parent)
    return path


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = _part(path)
        part.write_bytes(content)
        part.replace(path)
    os.utime(path.parent)


def _part(path: Path) -> Path:
    return path.with_name(f"{uuid.uuid4().hex}.part")


def _make_room(store: Path) -> None:
    """Remove the checkpoints longest unused while they take more than ``STORE_BYTES``."""
    folders = sorted(store.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for index, folder in enumerate(folders[:-1]):
        if _size(folders[index:]) <= STORE_BYTES:
            break
        shutil.rmtree(folder, ignore_errors=True)


def _size(folders: list[Path]) -> int:
    """Bytes on the disk: a file that lies in several folders counts once."""
    found = [file.stat() for folder in folders for file in folder.iterdir()]
    return sum({facts.st_ino: facts.st_size for facts in found}.values())
