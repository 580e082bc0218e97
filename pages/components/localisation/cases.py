"""Single pictures of a data set: the best and the worst by a score, and one that is opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePath

import pandas as pd
import streamlit as st

from pages.components import alt_text
from pages.components.classified import Classified
from pages.components.live import live, status
from pages.components.localisation import drawn_maps, tables
from pages.components.localisation.set_pictures import Marked
from pages.components.localisation.set_scores import Asked
from pages.components.select_controls import select_box
from pages.components.text import counted, label, number, plain
from pages.components.work import Work, gather
from xai_core import tasks
from xai_core.composites import QUADRANTS as PLACES
from xai_core.explainers.choices import Choice, column_title
from xai_core.jobs import Task, shared_engine
from xai_core.localization.marks import KEY
from xai_core.localization.scoring import QUADRANTS
from xai_core.measures import MEASURES

ALL = "all"
CASE = "case"  # key of the list of pictures
SHOWN = 4  # of the best, and of the worst
Maps = Mapping[tuple[bool, str, str], Task]  # by whether a composite's, the picture and the column


def opened(marked: Marked) -> str | None:
    """The picture that is looked at alone, by its hash; None for all."""
    offered = {ALL: "All pictures", **marked.names}
    row = st.container(horizontal=True, vertical_alignment="bottom")
    chosen = select_box(row, "Show", offered, CASE, width=340)
    if chosen == ALL:
        return None
    row.button("Back to all", icon=":material/arrow_back:", on_click=_open, args=(ALL,))
    return chosen


def _open(digest: str) -> None:
    st.session_state[CASE] = digest


def one(classified: Classified, choices: Sequence[Choice], asked: Asked, digest: str) -> bool:
    """A picture with its maps and scores; whether nothing is being computed."""
    orders = _orders(classified, choices, asked, [digest], list(asked.pairs))
    maps = gather("localisation-maps", list(orders.values()))
    scores = gather("localisation-set", list(asked.scoring.values()), patience=0.5)
    live(partial(_one, classified, asked, orders, maps, scores, digest), maps, scores)
    return not (maps.running or scores.running)


def _one(
    classified: Classified, asked: Asked, orders: Maps, maps: Work, scores: Work, digest: str
) -> None:
    marked = asked.marked
    subject, objects = marked.pairs[digest]
    title = plain(classified.class_titles[subject.target])
    st.markdown(f"**{plain(marked.names[digest])}: {title}**")
    cut = f"; the crop cuts off {objects.cut:.0%} of it" if objects.cut > 0 else ""
    count = counted(len(objects.boxes), "object")
    st.caption(f"{count} in {objects.size:.0%} of what the model sees{cut}.")
    status(maps, "Computing")
    st.caption(KEY)
    for composite, pairs in asked.pairs.items():
        if composite:
            st.markdown("**Among three others**")
            st.caption(plain(f"{places(classified, asked, digest)}."))
        there = {
            column: maps.results[task.key].arrays["relevance"]
            for (own, _, column), task in orders.items()
            if own == composite and task.key in maps.results
        }
        shown, where = pairs[digest]
        drawn_maps.show(drawn_maps.seen_of(shown), shown.pixels, there, where)
    found = asked.found(scores, classified.class_titles)
    st.markdown("**Scores**")
    status(scores, "Scoring")
    tables.draw(tables.of_one(found.table, found.runs), "Scores by method")
    for sentence in dict.fromkeys([*maps.problems.values(), *scores.problems.values()]):
        st.caption(plain(sentence))


def show(
    classified: Classified, choices: Sequence[Choice], asked: Asked, own: pd.DataFrame
) -> bool:
    """The best and the worst pictures of a method; whether nothing is being computed.

    Args:
        classified: the model.
        choices: the methods.
        asked: what was scored.
        own: the scores by the measure that is looked at.
    """
    if own.empty:
        gather("localisation-cases", [])
        return True
    measure = str(own.measure.iloc[0])
    st.markdown(f"**The best and the worst by “{MEASURES[measure].short_title}”**")
    titles = {choice.id: column_title(choice.id) for choice in choices}
    column = select_box(st, "Maps of", titles, "case_method", width=320)
    (choice,) = [choice for choice in choices if choice.id == column]
    scored = own[own.method == column]
    best, worst = best_and_worst(scored)
    composite = measure == QUADRANTS
    orders = _orders(classified, [choice], asked, [*best, *worst], [composite])
    work = gather("localisation-cases", list(orders.values()), patience=0.5)
    draw = partial(
        _gallery, classified, asked, orders, work, scored, {"Best": best, "Worst": worst}
    )
    live(draw, work)
    return not work.running


def best_and_worst(scored: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Hashes of the best pictures, the best first, and of the worst, the worst first.

    Undefined scores have no rank, no picture is both, and none is among the worst whose score is
    that of the best.

    Args:
        scored: one method by one measure.
    """
    known = scored.dropna(subset=["value"])
    better = MEASURES[known.measure.iloc[0]].higher_is_better if len(known) else True
    ranked = known.sort_values(["value", "image"], ascending=[not better, True])
    order = ranked.image_hash.tolist()
    behind = ranked[ranked.value != ranked.value.iloc[:1].sum()].image_hash.tolist()
    best = order[: min(SHOWN, (len(order) + 1) // 2)]
    return best, behind[::-1][: min(SHOWN, len(order) // 2)]


def _gallery(
    classified: Classified,
    asked: Asked,
    orders: Maps,
    work: Work,
    scored: pd.DataFrame,
    ranks: Mapping[str, Sequence[str]],
) -> None:
    status(work, "Computing the maps")
    values = scored.set_index("image_hash")["value"]
    there = {digest: (composite, task) for (composite, digest, _), task in orders.items()}
    st.caption(KEY)
    for rank, digests in ranks.items():
        st.markdown(f"**{rank}**")
        if not digests:
            st.caption("Every picture with a score has the same.")
        for place, digest in zip(st.columns(SHOWN), digests, strict=False):
            composite, task = there[digest]
            name, (subject, objects) = asked.marked.names[digest], asked.pairs[composite][digest]
            said = f"{number(values[digest])} · {classified.class_titles[subject.target]}"
            if composite:
                said += f" · {places(classified, asked, digest)}"
            seen = drawn_maps.seen_of(subject)
            if task.key in work.results:
                relevance = work.results[task.key].arrays["relevance"]
                seen, _ = drawn_maps.drawn_map(seen, subject.pixels, relevance, objects)
            alt_text.image(seen, said, place, caption=True)
            opens = label(f"Open {PurePath(name).name}")
            if place.button(opens, key=f"open {digest}", on_click=_open, args=(digest,)):
                st.rerun()  # the whole page, of which this is a part
    missing = scored[scored.value.isna()].image.tolist()
    if missing:
        names = plain(", ".join(missing))
        st.caption(f"Without a score, and so without a rank: {names}.")


def places(classified: Classified, asked: Asked, digest: str) -> str:
    """Which quadrant of a composite shows what."""
    said = []
    for place, other in zip(PLACES, asked.others[digest], strict=True):
        subject, _ = asked.marked.pairs[other]
        own = " (explained)" if other == digest else ""
        said.append(f"{place}: {classified.class_titles[subject.target]}{own}")
    return ", ".join(said)


def _orders(
    classified: Classified,
    choices: Sequence[Choice],
    asked: Asked,
    digests: Sequence[str],
    composites: Sequence[bool],
) -> Maps:
    """What makes the maps of these pictures, and of their composites."""
    known = shared_engine().cache.__contains__
    found: dict[tuple[bool, str, str], Task] = {}
    for composite in composites:
        own = {asked.pairs[composite][digest][0].hash: digest for digest in digests}
        subjects = [asked.pairs[composite][digest][0] for digest in digests]
        made = tasks.explain_all(*classified.loaded, subjects, choices, classified.by_source, known)
        found |= {(composite, own[key], column): task for (key, column), task in made.items()}
    return found
