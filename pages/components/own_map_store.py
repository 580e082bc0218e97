"""Uploaded maps on the server's disk, each set once by its content."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.components.content_store import ContentStore
from xai_core.cache import content_key
from xai_core.errors import MapError
from xai_core.export import write_npz
from xai_core.own_maps import OwnMaps

STORE = ContentStore("own-maps", 2 * 2**30)
_FACTS = "facts"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def keep(own: OwnMaps) -> str:
    """Keep a set of maps; the name of its content."""
    facts = {"problems": dict(own.problems), "covers": own.covers, "refused": list(own.refused)}
    digest = content_key("own maps", dict(own.maps), facts)
    text = np.frombuffer(json.dumps(facts | {"names": list(own.maps)}).encode(), np.uint8)
    # By number: a picture's name need not be one that an archive can hold.
    numbered = ((str(number), values) for number, values in enumerate(own.maps.values()))
    arrays: list[tuple[str, NDArray[Any]]] = [(_FACTS, text), *numbered]
    STORE.put(_path(digest), lambda part: write_npz(part, arrays, packed=True))
    STORE.make_room()
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
    STORE.use(_path(digest))
    return _read(name, digest)


@st.cache_resource(max_entries=12, show_spinner=False)
def _read(name: str, digest: str) -> OwnMaps:
    with np.load(_path(digest), allow_pickle=False) as archive:
        facts = json.loads(archive[_FACTS].tobytes())
        maps = {stem: archive[str(number)] for number, stem in enumerate(facts["names"])}
    return OwnMaps(name, maps, facts["problems"], facts["covers"], tuple(facts["refused"]))


def _path(digest: str) -> Path:
    return STORE.folder / f"{digest}.npz"
