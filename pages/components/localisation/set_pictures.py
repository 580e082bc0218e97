"""The annotated pictures of a data set: which, what is left out, and what its names mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import streamlit as st

from pages.components.classified import Classified, seen
from pages.components.data_sets import DATA, data_sets
from pages.components.live import wait_for
from pages.components.select_controls import segments
from pages.components.text import counted, label, plain
from xai_core import tasks
from xai_core.cache import Result
from xai_core.localization.gathering import ANNOTATED, PREDICTED, Rule
from xai_core.localization.objects import Objects
from xai_core.tasks import Subject

MOST, USUAL = 300, 20
EXPLAIN = {ANNOTATED: "The class of its object", PREDICTED: "Its predicted class"}
MOST_NAMES = 20
_MEANT = "_names-mean"  # in the session: titles of classes by the names of objects, by data set


@dataclass(frozen=True)
class Marked:
    """Pictures of a data set with objects of the class that is explained.

    Attributes:
        folder: of the data set.
        most: so many pictures were asked for.
        rule: which class of each is explained.
        seed: of all that is drawn by lot.
        quadrants: whether composites are wanted, too.
        found: what ``tasks.annotated_pictures`` found.
    """

    folder: str
    most: int
    rule: Rule
    seed: int
    quadrants: bool
    found: Result

    @cached_property
    def pairs(self) -> dict[str, tuple[Subject, Objects]]:
        """Each picture with its objects, by its hash."""
        return {pair[0].hash: pair for pair in tasks.annotated_subjects(self.found)}

    @cached_property
    def names(self) -> dict[str, str]:
        """Paths in the folder, by hash."""
        return dict(zip(self.found.facts["hashes"], self.found.facts["names"], strict=True))

    @cached_property
    def left_out(self) -> pd.DataFrame:
        """As ``LeftOut.table``."""
        return pd.DataFrame(
            self.found.facts["left_out"], columns=["image", "name", "count", "reason"]
        )

    def facts(self, titles: Sequence[str]) -> list[dict[str, Any]]:
        """What is told of each picture.

        Args:
            titles: what people read of each class.
        """
        return [
            {
                "name": self.names[digest],
                "hash": digest,
                "target": subject.target,
                "class": titles[subject.target],
                "size": objects.size,
                "cut": objects.cut,
                "boxes": objects.boxes.tolist(),
            }
            for digest, (subject, objects) in self.pairs.items()
        ]


def choose(classified: Classified) -> Marked | None:
    """The pictures that are measured; None, with a word on the page, without a data set."""
    folders = data_sets()
    if not folders:
        st.info(
            f"Data sets are offered if the server names their folders in {DATA}; the command "
            "`localize` takes any folder."
        )
        return None
    row = st.container(horizontal=True, vertical_alignment="bottom")
    name = row.selectbox("Data set", list(folders), key="data_set", bind="query-params", width=220)
    most = row.number_input("Pictures", 1, MOST, USUAL, key="most", bind="query-params", width=120)
    seed = row.number_input(
        "Seed",
        0,
        2**31 - 1,
        0,
        key="seed",
        bind="query-params",
        width=120,
        help="Of the points of the stochastic pointing game, the baseline of chance, and the lots "
        "of composites.",
    )
    explain = segments(row, "Which class is explained", EXPLAIN, "explain")
    quadrants = row.toggle(
        "Composites of four",
        key="quadrants",
        bind="query-params",
        help="Put each picture together with three of other classes, drawn by lot, explain its "
        "class, and measure how much positive relevance lies on the other three.",
    )
    size, crop, _, squash = seen(classified.facts)
    meant = _meant(name, classified.class_titles)
    rule = Rule(classified.class_names, size, crop, squash, explain, meant)
    order = tasks.annotated_pictures(*classified.loaded, folders[name], int(most), explain, meant)
    found = wait_for("localisation-pictures", order, "Reading the pictures")
    marked = Marked(folders[name], int(most), rule, int(seed), bool(quadrants), found)
    _tell(marked, name, classified.class_titles)
    return marked


def _meant(folder: str, titles: Sequence[str]) -> dict[str, int]:
    """What the visitor has said that names of objects mean, as far as the model has the classes."""
    said: dict[str, str] = st.session_state.get(f"{_MEANT} {folder}", {})
    return {name: titles.index(title) for name, title in said.items() if title in titles}


def _offer_meanings(folder: str, names: Sequence[str], titles: Sequence[str]) -> None:
    """For each name that means no class of the model, a list of these."""
    said: dict[str, str] = st.session_state.setdefault(f"{_MEANT} {folder}", {})
    options = sorted(titles)
    for name in list(dict.fromkeys([*said, *names]))[:MOST_NAMES]:
        key = f"meant {folder} {name}"

        def change(name: str = name, key: str = key) -> None:
            said[name] = st.session_state[key]

        st.selectbox(
            label(f"“{name}” means"),
            options,
            index=options.index(said[name]) if said.get(name) in options else None,
            placeholder="No class of this model",
            key=key,
            on_change=change,
        )


def _tell(marked: Marked, folder: str, titles: Sequence[str]) -> None:
    """What is left out, and why; and what names may mean that the model does not have."""
    rows, facts = marked.left_out, marked.found.facts
    cut = [share for share in facts["cuts"] if share > 0]
    said = f"{counted(len(facts['names']), 'picture')}."
    if cut:
        said += f" Of {len(cut)} of them the crop cuts off a part of the object."
    st.caption(said)
    if len(rows):
        kinds = rows["name"].map(lambda name: "object" if name else "picture")
        by_reason = rows.assign(name=kinds).groupby(["reason", "name"], sort=False)["count"].sum()
        with st.expander("What is left out", expanded=not facts["names"]):
            for row in by_reason.reset_index(name="number").to_dict("records"):
                count = counted(int(row["number"]), row["name"])
                st.markdown(f"{count}: {plain(row['reason'])}")
    names = [name for name in dict.fromkeys(rows["name"]) if name]
    if names or st.session_state.get(f"{_MEANT} {folder}"):
        with st.expander("Names that the model does not have", expanded=True):
            _offer_meanings(folder, names, titles)
