"""What participants agree to, and what they are asked about themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from pages.components.study.design import fields
from pages.components.study.design.drafts import Draft, keep
from pages.components.study.design.items import changed, fresh_id, offer_moves
from xai_core.study import shared_store
from xai_core.study.design import BACKGROUND, BackgroundQuestion, Consent, Design

KINDS = {"yes_no": "Yes or no", "choice": "One of several", "number": "Number", "text": "Text"}
YES_NO = ("yes", "no")


def show(draft: Draft) -> None:
    """The step "Participants"."""
    design = draft.design
    st.text_area(
        f"Consent text, version {design.consent.version}",
        height=200,
        help="Who does not agree is thanked, and nothing is stored. The version rises when the "
        "text is another one than that of the published study.",
        **fields.bound(
            draft,
            "consent",
            design.consent.text,
            lambda old, words: _with_consent(draft.slug, old, words),
        ),
    )
    st.markdown("**Questions about the participant**")
    if not design.background:
        st.caption("None is asked.")
    for number, question in enumerate(design.background):
        _question(draft, question, number)
    row = st.container(horizontal=True)
    if row.button("Add a question", icon=":material/add:", key="add question"):
        new = BackgroundQuestion(fresh_id("q", design.background), "", "yes_no")
        _store(draft, (*design.background, new))
    missing = [each for each in BACKGROUND if each.id not in {q.id for q in design.background}]
    if missing and row.button("Add the usual three", key="usual questions"):
        _store(draft, (*missing, *design.background))


def _with_consent(slug: str, design: Design, words: str) -> Design:
    """Another text is one version above the newest published one, however often it changes."""
    published = [each for each in shared_store().versions(slug) if each.number]
    if not published:
        return replace(design, consent=Consent(words, 1))
    newest = max(published, key=lambda each: each.number).design.consent
    same = words == newest.text
    return replace(design, consent=newest if same else Consent(words, newest.version + 1))


def _question(draft: Draft, question: BackgroundQuestion, number: int) -> None:
    name = question.id
    with st.container(border=True):
        st.text_input("Question", max_chars=500, **_part(draft, question, "text"))
        row = st.container(horizontal=True, vertical_alignment="bottom")
        kind = fields.bound(
            draft,
            f"{name} kind",
            question.kind,
            lambda design, kind: _replaced(design, name, kind=kind, choices=(), screens_out=()),
        )
        fields.choice("Answer", KINDS, kind, row, width=150)
        _screens_out(draft, question, row)
        row.toggle("Must be answered", **_part(draft, question, "required"))
        moved = offer_moves(row, draft.design.background, number)
        if moved is not None:
            _store(draft, moved)
        if question.kind == "choice":
            choices = fields.bound(
                draft,
                f"{name} choices",
                "\n".join(question.choices),
                lambda design, words: _with_choices(design, name, words),
            )
            st.text_area("Answers, one a line", height=100, **choices)


def _screens_out(draft: Draft, question: BackgroundQuestion, row: Any) -> None:
    """Which answers end the participation."""
    name, out = question.id, question.screens_out
    if question.kind == "number":
        numbers = fields.bound(
            draft,
            f"{name} out",
            ", ".join(out),
            lambda design, words: _replaced(design, name, screens_out=_listed(words.split(","))),
        )
        row.text_input("Numbers that screen out, with commas between", width=280, **numbers)
    elif question.kind != "text":
        offered = YES_NO if question.kind == "yes_no" else question.choices
        answers = fields.bound(
            draft,
            f"{name} out {offered}",
            out,
            lambda design, chosen: _replaced(design, name, screens_out=tuple(chosen)),
        )
        fields.several("Answers that screen out", offered, answers, row, width=280)


def _with_choices(design: Design, name: str, words: str) -> Design:
    choices = _listed(words.splitlines())
    question = next(each for each in design.background if each.id == name)
    out = tuple(answer for answer in question.screens_out if answer in choices)
    return _replaced(design, name, choices=choices, screens_out=out)


def _replaced(design: Design, name: str, **parts: Any) -> Design:
    return replace(design, background=changed(design.background, name, **parts))


def _listed(words: Sequence[str]) -> tuple[str, ...]:
    """Each word once, without what is blank."""
    return tuple(dict.fromkeys(word.strip() for word in words if word.strip()))


def _part(draft: Draft, question: BackgroundQuestion, part: str) -> fields.Bound:
    """What binds a control to the part of that name of a question."""
    return fields.bound(
        draft,
        f"{question.id} {part}",
        getattr(question, part),
        lambda design, given: _replaced(design, question.id, **{part: given}),
    )


def _store(draft: Draft, questions: tuple[BackgroundQuestion, ...]) -> None:
    keep(draft, replace(draft.design, background=questions))
    st.rerun()
