"""Pictures of the server's data sets, looked through page by page and taken into the session."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from pages.components.data_sets import data_sets
from pages.components.gallery import Item, gallery, thumbnail_at
from pages.components.live import ROW, bar, finished, live
from pages.components.text import plain
from pages.components.work import gather
from xai_core import tasks
from xai_core.errors import SessionError
from xai_core.jobs import Task

PAGE = 48  # pictures
ALL = "All classes"
_OPEN = "_data-sets-open"  # in the session: whether the dialog is
_CHOSEN = "_chosen-of-data-sets"  # paths, by the data set's folder

Bring = Callable[[Iterable[tuple[str, bytes]], Mapping[str, str]], None]


def offer(row: Any, bring: Bring) -> None:
    """A way to the data sets, where the server has any.

    Args:
        row: where it goes.
        bring: takes names and contents of files, and true classes by these names.
    """
    folders = data_sets()
    if folders and row.button("Data sets", icon=":material/folder_open:"):
        st.session_state[_OPEN] = True
    if folders and st.session_state.get(_OPEN):  # the page may run again meanwhile
        _dialog(folders, bring)


def _close() -> None:
    st.session_state[_OPEN] = False


@st.dialog("Pictures of a data set", width="large", on_dismiss=_close)
def _dialog(folders: Mapping[str, str], bring: Bring) -> None:
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Data set", list(folders), key="browsed data set")
    folder = folders[name]
    asked = tasks.listing(folder)
    work = gather("listing", [asked], patience=1.5, light=True)
    if not finished(work, [asked], "Listing the pictures"):
        return
    facts = work.results[asked.key].facts
    classes = dict(zip(facts["paths"], facts["classes"], strict=True))
    paths = _of_class(row, classes, folder)
    shown = _page(row, paths, folder)
    _browse(folder, shown)
    _take(folder, shown, classes, bring)


def _of_class(row: Any, classes: Mapping[str, str], folder: str) -> list[str]:
    """The paths of the class that is looked at."""
    names = sorted(set(classes.values()) - {""})
    if not names:
        return list(classes)
    wanted = row.selectbox("Class", [ALL, *names], key=f"browsed class {folder}")
    return [path for path, name in classes.items() if wanted in (ALL, name)]


def _page(row: Any, paths: Sequence[str], folder: str) -> Sequence[str]:
    pages = -(-len(paths) // PAGE)
    number = row.number_input(
        f"Page, of {pages}", 1, pages, key=f"browsed page {folder} {pages}", width=140
    )
    return paths[(number - 1) * PAGE : number * PAGE]


def _browse(folder: str, paths: Sequence[str]) -> None:
    """The gallery of a page."""
    chosen = _chosen(folder)
    looks = {path: _look(folder, path) for path in paths}
    work = gather("browsing", list(looks.values()), patience=0.5, light=True)

    def take(changes: Mapping[str, bool]) -> None:
        for path, wanted in changes.items():
            chosen[path] = wanted

    def drawn() -> None:
        items = [
            Item(path, Path(path).name, _small(look, work.results), chosen=chosen.get(path, False))
            for path, look in looks.items()
        ]
        gallery(items, f"browse {folder}", "Pictures of the data set", take, large=True)
        with st.container(height=ROW, border=False):
            if work.running:
                bar(work, "Reading the pictures")

    live(drawn, work, every_s=1.0)


def _look(folder: str, path: str) -> Task:
    file = Path(folder) / path
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:  # said when it is read
        stamp = 0
    return tasks.look_at(str(file), stamp=stamp)


def _small(look: Task, results: Mapping[str, Any]) -> str:
    found = results.get(look.key)
    return "" if found is None or found.facts["problem"] else thumbnail_at(look.key)


def _take(folder: str, shown: Sequence[str], classes: Mapping[str, str], bring: Bring) -> None:
    """Take what is chosen, or the whole page, into the session."""
    row = st.container(horizontal=True)
    chosen = [path for path, wanted in _chosen(folder).items() if wanted and path in classes]
    offered = {"Add the chosen": chosen, f"Add all {len(shown)} of this page": shown}
    for label, paths in offered.items():
        primary = paths is chosen
        if row.button(label, type="primary" if primary else "secondary", key=f"take {primary}"):
            if not paths:
                st.info("Choose pictures above.")
                continue
            try:
                files = ((path, (Path(folder) / path).read_bytes()) for path in paths)
                bring(files, {path: classes[path] for path in paths})
            except (SessionError, OSError) as error:
                st.error(plain(str(error)), icon=":material/error:")
                continue
            _chosen(folder).clear()
            _close()
            st.rerun()


def _chosen(folder: str) -> dict[str, bool]:
    found: dict[str, dict[str, bool]] = st.session_state.setdefault(_CHOSEN, {})
    return found.setdefault(folder, {})
