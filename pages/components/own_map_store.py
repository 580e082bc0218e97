"""Uploaded maps on the server's disk, each set once by its content."""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path

import numpy as np
import streamlit as st

from xai_core.cache import content_key, default_folder
from xai_core.errors import MapError
from xai_core.export import write_npz
from xai_core.own_maps import OwnMaps

STORE_BYTES = 2 * 2**30
_FACTS = "facts"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(own: OwnMaps) -> str:
    """Keep a set of maps; the name of its content."""
    facts = {"problems": dict(own.problems), "covers": own.covers, "refused": list(own.refused)}
    digest = content_key("own maps", dict(own.maps), facts)
    path = _path(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        part = path.with_name(f"{uuid.uuid4().hex}.part")
        facts["names"] = list(own.maps)
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        # By number: a picture's name need not be one that an archive can hold.
        numbered = ((str(number), values) for number, values in enumerate(own.maps.values()))
        write_npz(part, [(_FACTS, text), *numbered], packed=True)
        part.replace(path)
    os.utime(path)
    _make_room(path.parent)
    return digest


def kept(name: str, digest: str) -> OwnMaps:
    """The set of that content, under a name.

    Raises:
        MapError: it is not kept, or not any more.
    """
    if not _DIGEST.fullmatch(digest) or not _path(digest).is_file():
        raise MapError(
            f"The maps “{name}” are not kept on this server any more; upload them again."
        )
    os.utime(_path(digest))
    return _read(name, digest)


@st.cache_resource(max_entries=12, show_spinner=False)
def _read(name: str, digest: str) -> OwnMaps:
    with np.load(_path(digest), allow_pickle=False) as archive:
        facts = json.loads(archive[_FACTS].tobytes())
        maps = {stem: archive[str(number)] for number, stem in enumerate(facts["names"])}
    return OwnMaps(name, maps, facts["problems"], facts["covers"], tuple(facts["refused"]))


def _path(digest: str) -> Path:
    return default_folder() / "own-maps" / f"{digest}.npz"


def _make_room(store: Path) -> None:
    """Remove the sets longest unused while they take more than ``STORE_BYTES``."""
    files = sorted(store.glob("*.npz"), key=lambda file: file.stat().st_mtime)
    excess = sum(file.stat().st_size for file in files) - STORE_BYTES
    for file in files[:-1]:
        if excess > 0:
            excess -= file.stat().st_size
            file.unlink(missing_ok=True)
