"""Buttons for files; each file is made when its button is pressed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from xai_core.files import MIMES

Files = Mapping[str, tuple[str, Callable[[], bytes]]]
ANY = "application/octet-stream"


def offer(place: Any, files: Files, about: str, ready: bool = True) -> None:
    """One button a file.

    Args:
        place: where they go.
        files: by what the button says: name of the file, and what makes it.
        about: what their keys begin with.
        ready: whether they can be made now; else their buttons keep the place.
    """
    for label, (name, make) in files.items():
        mime = MIMES.get(name.rpartition(".")[2], ANY)
        options = {"key": f"{about} {label}", "on_click": "ignore", "disabled": not ready}
        place.download_button(label, make, name, mime, **options)


def offer_row(files: Files, about: str, ready: bool = True) -> Any:
    """A row of them with its title; as ``offer``."""
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown("**Download**")
    offer(row, files, about, ready)
    return row
