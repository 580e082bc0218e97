"""The study's pictures: each with its true class and what it is for."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from PIL import Image

from pages.components import alt_text
from pages.components.study.design import (
    adding,
    class_questions,
    fields,
    model_answers,
    model_facts,
)
from pages.components.study.design.drafts import Draft, begin_anew
from pages.components.study.design.items import changed
from pages.components.study.design.originals import left_out, with_pictures
from pages.components.text import plain
from xai_core import tasks
from xai_core.study import shared_store
from xai_core.study.design import Design, PictureKind, StudyPicture
from xai_core.study.field_of_view import field_of_view

KINDS: dict[PictureKind, str] = {"trial": "Trial", "practice": "Practice", "catch": "Check"}
KIND_HELP = (
    "Trial: judged and counted. Practice: shown before, not counted. Check: all its heatmaps are "
    "the same, to see who looks."
)
EACH_PAGE = 12
CARD, THUMB = 210, 180  # pixels


def show(draft: Draft) -> None:
    """The step "Pictures"."""
    design = draft.design
    found = model_facts.known(design)
    if design.with_models and not found:
        found = model_facts.wait(design) or {}  # their classes are what is chosen from
    about = list(found.values())
    classes = model_facts.class_names(about)
    own_words = bool(design.conditions) and not design.with_models
    if own_words:
        st.caption("No model is compared: write of each picture what it shows, in your own words.")
    elif not classes:
        st.info(
            "The classes to choose from are those of the models: choose these first, or write of "
            "each picture what it shows."
        )
    if classes and len(found) == len(design.with_models):
        class_questions.show_list(design, found)
    with st.expander("Add pictures", icon=":material/add_photo_alternate:",
                     expanded=not design.pictures):  # fmt: skip
        adding.show(draft, None if own_words else list(classes))
    for sentence in left_out(draft):
        st.error(plain(sentence), icon=":material/broken_image:")
    if not design.pictures:
        return
    st.caption(f"{_counted(design)}  \n{KIND_HELP}")
    class_questions.ask(draft, about)
    shown = _page(draft, design.pictures)
    share = tasks.share_seen(about)
    row = st.container(horizontal=True, gap="medium")
    said = model_answers.show(design, shown, share)
    for picture in shown:
        with row.container(width=CARD, border=True, gap="small"):
            _card(draft, picture, classes, share, said.get(picture.id, ""))
    _warn(design, about)


def _counted(design: Design) -> str:
    counts = {title: len(design.of_kind(kind)) for kind, title in KINDS.items()}
    parts = [f"{title.lower()}: {n}" for title, n in counts.items() if n]
    lost = sum(not each.true_class for each in design.pictures)
    parts += [f"**without a true class: {lost}**"] if lost else []
    return f"{len(design.pictures)} pictures · {' · '.join(parts)}"


def _page(draft: Draft, pictures: Sequence[StudyPicture]) -> Sequence[StudyPicture]:
    """The pictures of the page that is chosen; those without a class alone, if that is wished."""
    row = st.container(horizontal=True, vertical_alignment="center")
    lost = [each for each in pictures if not each.true_class]
    only = bool(lost) and row.toggle("Only those without a class", key=draft.key("only lost"))
    wanted = lost if only else pictures
    pages = -(-len(wanted) // EACH_PAGE)
    if pages < 2:
        return wanted
    label, key = f"Page, of {pages}", draft.key("page")
    number = int(row.number_input(label, 1, pages, key=key, width=140))
    return wanted[(number - 1) * EACH_PAGE : number * EACH_PAGE]


def _card(
    draft: Draft, picture: StudyPicture, classes: Mapping[str, str], share: float, said: str
) -> None:
    name = picture.id
    alt_text.image(_thumb(picture.asset, share), picture.name)
    st.caption(f"{plain(picture.name)}{said}")
    true_class = _part(draft, picture, "true_class")
    if draft.design.with_models or not draft.design.conditions:
        offered = {"": "True class?", **classes}
        fields.choice(
            "True class",
            offered,
            true_class,
            label_visibility="collapsed",
            accept_new_options=True,
        )
        if classes and picture.true_class and picture.true_class not in classes:
            st.caption("Your own words")
    else:
        words = {"label_visibility": "collapsed", "placeholder": "True class?", **true_class}
        st.text_input("True class", max_chars=200, **words)
    row = st.container(horizontal=True, gap="small", vertical_alignment="center")
    kind = _part(draft, picture, "kind")
    fields.choice("For", KINDS, kind, row, label_visibility="collapsed", width=120)
    if row.button("", icon=":material/delete:", key=f"drop {name}", help="Remove"):
        left = [each for each in draft.design.pictures if each.id != name]
        begin_anew(draft, with_pictures(draft.design, left))


@st.cache_data(max_entries=600, show_spinner=False)
def _thumb(asset: str, share: float) -> bytes:
    """The part of the picture that is shown, small."""
    content, _ = shared_store().asset(asset)
    square = field_of_view(Image.open(io.BytesIO(content)), share)
    square.thumbnail((2 * THUMB, 2 * THUMB))
    stream = io.BytesIO()
    square.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _part(draft: Draft, picture: StudyPicture, name: str) -> fields.Bound:
    """What binds a control to the part of that name of a picture."""

    def change(design: Design, value: Any) -> Design:
        value = value.strip() if isinstance(value, str) else value
        return with_pictures(design, changed(design.pictures, picture.id, **{name: value}))

    return fields.bound(draft, f"{picture.id} {name}", getattr(picture, name), change)


def _warn(design: Design, about: Sequence[Mapping[str, Any]]) -> None:
    """Say which model cannot be right about which pictures."""
    if len(about) == len(design.with_models):
        named = dict(zip((each.id for each in design.with_models), about, strict=True))
        for sentence in tasks.unknown_classes(design, named):
            st.caption(f":material/info: {plain(sentence)} {class_questions.COUNTS_AS_WRONG}")
