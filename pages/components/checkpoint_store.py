"""Uploaded checkpoints on the disk, as files that worker and command line can read."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.components.content_store import ContentStore
from xai_core.errors import ModelError

STORE = ContentStore("checkpoints", 8 * 2**30)
_WORD = re.compile(r"[0-9a-f]{64}/[\w-]+(\.\w+)?")
_KNOWN = "_stored-checkpoint"  # in the session: upload and file, so that it is hashed once


def stored(uploads: Sequence[UploadedFile]) -> Path:
    """The uploaded file, under the name it came with; of several files their folder.

    Raises:
        ModelError: files of the same name, of which a folder could hold one alone.
    """
    ids = [upload.file_id for upload in uploads]
    known: tuple[list[str], Path] | None = st.session_state.get(_KNOWN)
    if known and known[0] == ids and known[1].exists():
        STORE.use(known[1])
        return known[1]
    contents = {upload.name: upload.getvalue() for upload in uploads}
    if len(set(map(_harmless, contents))) < len(uploads):
        raise ModelError("Two of the files have the same name; upload the files of one model.")
    path = keep_folder(contents) if len(contents) > 1 else keep(*next(iter(contents.items())))
    st.session_state[_KNOWN] = (ids, path)
    return path


def word_of(path: Path) -> str:
    """What an address calls a kept checkpoint."""
    return path.relative_to(STORE.folder).as_posix()


def at(word: str) -> Path | None:
    """The checkpoint that an address calls so; None if it is not kept, or not any more."""
    path = STORE.folder / word
    if not _WORD.fullmatch(word) or not path.exists():
        return None
    STORE.use(path)
    return path


def keep(name: str, content: bytes) -> Path:
    """A checkpoint as a file; of its name only what is harmless is kept."""
    path = STORE.folder / hashlib.sha256(content).hexdigest() / _harmless(name)
    _write(path, content)
    STORE.make_room()
    return path


def keep_folder(contents: Mapping[str, bytes]) -> Path:
    """The files of a model that is a folder, as one."""
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    digest = hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()
    folder = STORE.folder / digest / _harmless(_kind(contents.get("config.json", b"")))
    for name, content in contents.items():
        _write(folder / _harmless(name), content)
    STORE.make_room()
    return folder


def _kind(config: bytes) -> str:
    """What the model in the folder is called: by timm's architecture, or transformers' kind."""
    try:
        facts = json.loads(config)
        return str(facts.get("architecture") or facts["model_type"])
    except (ValueError, RecursionError, AttributeError, LookupError):
        return "model"


def _harmless(name: str) -> str:
    stem = re.sub(r"[^\w-]+", "-", Path(name).stem)[:60] or "checkpoint"
    return f"{stem}{Path(name).suffix.lower()}"


def with_facts(weights: Path, facts: str) -> Path:
    """The same file once more, in another folder, with its facts beside it; takes no room."""
    digest = hashlib.sha256(f"{weights.parent.name} {facts}".encode()).hexdigest()
    path = STORE.folder / digest / weights.name
    _write(path.with_suffix(".json"), facts.encode())
    STORE.put(path, lambda part: _twin(part, weights))
    STORE.make_room()
    return path


def _twin(path: Path, weights: Path) -> None:
    try:
        path.hardlink_to(weights)
    except OSError:  # the folder's file system has no such links
        shutil.copyfile(weights, path)


def _write(path: Path, content: bytes) -> None:
    STORE.put(path, lambda part: part.write_bytes(content))
